{{- define "cairn.test.container" -}}
{{- $root := index . 0 -}}
{{- omit (include "cairn.container" . | fromYaml) "volumeMounts" | toYaml }}
env:
  - name: CAIRN_ADDR
    value: {{ include "cairn.scheme" (list $root "grpc") }}://{{ include "cairn.fullname" $root }}-grpc:7070
  {{- if include "cairn.hasTls" (list $root "grpc") }}
  - name: CAIRN_CA_FILE
    value: /etc/cairn/server/ca.crt
  {{- if include "cairn.test.clientSecret" $root }}
  - name: CAIRN_CLIENT_CERT_FILE
    value: /etc/cairn/server/tls.crt
  - name: CAIRN_CLIENT_KEY_FILE
    value: /etc/cairn/server/tls.key
  {{- end }}
  {{- else }}
  # Inside the cluster, as the port is plain.
  - name: CAIRN_ALLOW_PLAINTEXT
    value: "true"
  {{- end }}
  - name: CAIRN_API_KEY
    {{- include "cairn.fromSecret" (list $root.Values.test.keySecret.name $root.Values.test.keySecret.key) | nindent 4 }}
{{- end -}}

{{- /* The Secret with the test's certificate, where the gRPC port asks for one. */ -}}
{{- define "cairn.test.clientSecret" -}}
{{- with .Values.tls -}}
{{- if and .clientCaSecret.name (has "grpc" .clientPorts) (include "cairn.hasTls" (list $ "grpc")) }}{{ $.Values.test.clientSecret.name }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* What the test verifies the server with, and what it shows, as a volume. */ -}}
{{- define "cairn.test.volume" -}}
{{- if include "cairn.hasTls" (list . "grpc") }}
- name: server
  projected:
    sources:
      - secret:
          name: {{ default .Values.tls.secret.name .Values.test.caSecret.name }}
          items:
            - key: {{ .Values.test.caSecret.key }}
              path: ca.crt
      {{- with include "cairn.test.clientSecret" . }}
      - secret:
          name: {{ . }}
          items:
            - key: tls.crt
              path: tls.crt
            - key: tls.key
              path: tls.key
      {{- end }}
{{- end }}
{{- end -}}

{{- define "cairn.test.mount" -}}
{{- if include "cairn.hasTls" (list . "grpc") }}
- name: server
  mountPath: /etc/cairn/server
  readOnly: true
{{- end }}
{{- end -}}
