{{- define "cairn.test.container" -}}
{{- $root := index . 0 -}}
{{- omit (include "cairn.container" . | fromYaml) "volumeMounts" | toYaml }}
env:
  - name: CAIRN_ADDR
    value: http://{{ include "cairn.fullname" $root }}-grpc:7070
  - name: CAIRN_API_KEY
    {{- include "cairn.fromSecret" (list $root.Values.test.keySecret.name $root.Values.test.keySecret.key) | nindent 4 }}
{{- end -}}
