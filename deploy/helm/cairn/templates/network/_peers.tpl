{{- /* Ports of a rule: list of numbers. */ -}}
{{- define "cairn.tcpPorts" -}}
ports:
  {{- range . }}
  - port: {{ . }}
    protocol: TCP
  {{- end }}
{{- end -}}

{{- /* The destinations of a rule. A rule without them allows any. */ -}}
{{- define "cairn.to" -}}
to:
  {{- toYaml . | nindent 2 }}
{{- end -}}

{{- /* The egress rules of a program: list $ and any of "postgres" "s3" "otlp" "tokens". DNS is always allowed. */ -}}
{{- define "cairn.egress" -}}
{{- $root := index . 0 -}}
{{- $policy := $root.Values.networkPolicy -}}
- ports:
    {{- range $policy.dns.ports }}
    - port: {{ . }}
      protocol: UDP
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with $policy.dns.to }}{{ include "cairn.to" . | nindent 2 }}{{ end }}
{{- if has "postgres" . }}
- {{ include "cairn.tcpPorts" (default (list (int $root.Values.database.port)) $policy.postgres.ports) | nindent 2 | trim }}
  {{- with $policy.postgres.to }}{{ include "cairn.to" . | nindent 2 }}{{ end }}
{{- end }}
{{- if has "s3" . }}
{{- $endpoint := default "https://s3" (include "cairn.s3Endpoint" $root) }}
- {{ include "cairn.tcpPorts" (default (list (include "cairn.portOfUrl" $endpoint)) $policy.s3.ports) | nindent 2 | trim }}
  {{- with $policy.s3.to }}{{ include "cairn.to" . | nindent 2 }}{{ end }}
{{- end }}
{{- if and (has "s3" .) (not $root.Values.dev.enabled) (not $root.Values.s3.credentialsSecret.name) }}
# The address of EKS Pod Identity, for the AWS chain.
- {{ include "cairn.tcpPorts" (list 80) | nindent 2 | trim }}
  to:
    - ipBlock:
        cidr: 169.254.170.23/32
    - ipBlock:
        cidr: fd00:ec2::23/128
{{- end }}
{{- if and (has "otlp" .) $root.Values.telemetry.otlpEndpoint }}
- {{ include "cairn.tcpPorts" (default (list (include "cairn.portOfUrl" $root.Values.telemetry.otlpEndpoint)) $policy.otlp.ports) | nindent 2 | trim }}
  {{- with $policy.otlp.to }}{{ include "cairn.to" . | nindent 2 }}{{ end }}
{{- end }}
{{- if and (has "tokens" .) $root.Values.tokens.issuer }}
- {{ include "cairn.tcpPorts" (default (ternary (list 443 6443) (list 443) $root.Values.tokens.inCluster) $policy.tokens.ports) | nindent 2 | trim }}
  {{- with $policy.tokens.to }}{{ include "cairn.to" . | nindent 2 }}{{ end }}
{{- end }}
{{- with $policy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}
