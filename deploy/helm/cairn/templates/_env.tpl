{{- /* The variables of all programs that are not secret, as a map. */ -}}
{{- define "cairn.sharedEnv" -}}
{{- $env := dict
    "CAIRN_DATABASE_CONNECTIONS" (toString .Values.database.connections)
    "CAIRN_S3_BUCKET" .Values.s3.bucket
    "CAIRN_LOG" .Values.telemetry.log
    "CAIRN_LOG_FORMAT" .Values.telemetry.logFormat
-}}
{{- with include "cairn.s3Endpoint" . }}{{ $_ := set $env "CAIRN_S3_ENDPOINT" . }}{{ end -}}
{{- with .Values.s3.publicEndpoint }}{{ $_ := set $env "CAIRN_S3_PUBLIC_ENDPOINT" . }}{{ end -}}
{{- with .Values.s3.sse }}{{ $_ := set $env "CAIRN_S3_SSE" . }}{{ end -}}
{{- with .Values.s3.sseKmsKeyId }}{{ $_ := set $env "CAIRN_S3_SSE_KMS_KEY_ID" . }}{{ end -}}
{{- with .Values.s3.region }}{{ $_ := set $env "CAIRN_S3_REGION" . }}{{ end -}}
{{- if not (kindIs "invalid" .Values.s3.pathStyle) }}{{ $_ := set $env "CAIRN_S3_PATH_STYLE" (toString .Values.s3.pathStyle) }}{{ end -}}
{{- with .Values.telemetry.otlpEndpoint }}{{ $_ := set $env "CAIRN_OTLP_ENDPOINT" . }}{{ end -}}
{{- $_ := set $env "CAIRN_TRACE_RATIO" (toString .Values.telemetry.traceRatio) -}}
{{- if .Values.caBundle.configMap }}{{ $_ := set $env "SSL_CERT_FILE" "/etc/cairn/roots/ca.crt" }}{{ end -}}
{{- with .Values.database -}}
{{- if or .caSecret.name .caConfigMap.name }}{{ $_ := set $env "CAIRN_DATABASE_CA_FILE" "/etc/cairn/database/ca.crt" }}{{ end -}}
{{- end -}}
{{- toYaml (merge $env .Values.settings) -}}
{{- end -}}

{{- define "cairn.s3Endpoint" -}}
{{- if .Values.dev.enabled -}}
http://{{ include "cairn.fullname" . }}-dev-s3:8333
{{- else -}}
{{ .Values.s3.endpoint }}
{{- end -}}
{{- end -}}

{{- /* The variables of API and collector that come from Secrets, as a list. */ -}}
{{- define "cairn.secretEnv" -}}
{{- $root := index . 0 -}}
{{ include "cairn.databaseEnv" (list $root) }}
{{- include "cairn.s3Env" . }}
{{- end -}}

{{- /* The variables for Postgres: list $, and for the migration the Secret of its own URL. */ -}}
{{- define "cairn.databaseEnv" -}}
{{- $ := index . 0 -}}
{{- $own := dict -}}
{{- if gt (len .) 1 }}{{ $own = index . 1 }}{{ end -}}
{{- $dev := printf "%s-dev" (include "cairn.fullname" $) -}}
{{- with $.Values.database }}
{{- if $own.name }}
- name: CAIRN_DATABASE_URL
  {{- include "cairn.fromSecret" (list $own.name $own.key) | nindent 2 }}
{{- else if $.Values.dev.enabled }}
- name: CAIRN_DATABASE_URL
  {{- include "cairn.fromSecret" (list $dev "database-url") | nindent 2 }}
{{- else if .existingSecret.name }}
- name: CAIRN_DATABASE_URL
  {{- include "cairn.fromSecret" (list .existingSecret.name .existingSecret.key) | nindent 2 }}
{{- else if .urlFile }}
- name: CAIRN_DATABASE_URL_FILE
  value: {{ .urlFile | quote }}
{{- else }}
- name: CAIRN_DATABASE_URL
  value: "host={{ .host }} port={{ .port }} dbname='{{ .name }}' user='{{ .user }}' sslmode={{ .sslmode }}"
- name: CAIRN_DATABASE_PASSWORD_FILE
  value: {{ default "/etc/cairn/database/password" .passwordFile | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "cairn.s3Env" -}}
{{- $root := index . 0 -}}
{{- $dev := printf "%s-dev" (include "cairn.fullname" $root) -}}
{{- $own := dig "s3CredentialsSecret" dict (index . 1) -}}
{{- with ternary $own $root.Values.s3.credentialsSecret (not (empty $own.name)) }}
{{- if $root.Values.dev.enabled }}
- name: CAIRN_S3_ACCESS_KEY_ID
  {{- include "cairn.fromSecret" (list $dev "access-key-id") | nindent 2 }}
- name: CAIRN_S3_SECRET_ACCESS_KEY
  {{- include "cairn.fromSecret" (list $dev "secret-access-key") | nindent 2 }}
{{- else if .name }}
- name: CAIRN_S3_ACCESS_KEY_ID
  {{- include "cairn.fromSecret" (list .name .accessKeyIdKey) | nindent 2 }}
- name: CAIRN_S3_SECRET_ACCESS_KEY
  {{- include "cairn.fromSecret" (list .name .secretAccessKeyKey) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* Whether a port of the API speaks TLS: list $ "grpc". */ -}}
{{- define "cairn.hasTls" -}}
{{- with (index . 0).Values.tls -}}
{{- if and .secret.name (has (index $ 1) .ports) }}true{{ end -}}
{{- end -}}
{{- end -}}

{{- /* http or https, by whether a port speaks TLS: list $ "grpc". */ -}}
{{- define "cairn.scheme" -}}
{{ if include "cairn.hasTls" . }}https{{ else }}http{{ end }}
{{- end -}}

{{- define "cairn.grpcAppProtocol" -}}
{{- $own := ternary "https" "kubernetes.io/h2c" (eq (include "cairn.scheme" (list . "grpc")) "https") -}}
{{- default $own .Values.api.service.grpcAppProtocol -}}
{{- end -}}

{{- /* Whether a program needs the certificate: list $ "api". The worker has only the ops port. */ -}}
{{- define "cairn.needsTls" -}}
{{- $root := index . 0 -}}
{{- if eq (index . 1) "api" -}}
{{- if and $root.Values.tls.secret.name $root.Values.tls.ports }}true{{ end -}}
{{- else if eq (index . 1) "gc-worker" -}}
{{- include "cairn.hasTls" (list $root "ops") -}}
{{- end -}}
{{- end -}}

{{- /* TLS as variables: list $ "api". */ -}}
{{- define "cairn.tlsEnv" -}}
{{- if include "cairn.needsTls" . }}
{{- with (index . 0).Values.tls }}
- name: CAIRN_TLS_CERT_FILE
  value: /etc/cairn/tls/tls.crt
- name: CAIRN_TLS_KEY_FILE
  value: /etc/cairn/tls/tls.key
- name: CAIRN_TLS_PORTS
  value: {{ join "," .ports }}
{{- if and .clientCaSecret.name (eq (index $ 1) "api") }}
- name: CAIRN_TLS_CLIENT_CA_FILE
  value: /etc/cairn/tls/client-ca.crt
- name: CAIRN_TLS_CLIENT_PORTS
  value: {{ join "," .clientPorts }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "cairn.fromSecret" -}}
valueFrom:
  secretKeyRef:
    name: {{ index . 0 }}
    key: {{ index . 1 }}
{{- end -}}

{{- /* The beginning of every link: publicUrl, else the first listener that is open to the outside. */ -}}
{{- define "cairn.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{ .Values.publicUrl }}
{{- else if .Values.ingress.http.enabled -}}
{{ ternary "https" "http" (not (empty .Values.ingress.http.tlsSecret)) }}://{{ .Values.ingress.http.host }}
{{- else if and .Values.gateway.http.enabled .Values.gateway.http.hostnames -}}
https://{{ first .Values.gateway.http.hostnames }}
{{- else -}}
{{ include "cairn.scheme" (list . "http") }}://{{ include "cairn.fullname" . }}-http.{{ .Release.Namespace }}.svc:7071
{{- end -}}
{{- end -}}

{{- /* The port of a URL, explicit or by its scheme. */ -}}
{{- define "cairn.portOfUrl" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) -}}
{{- if $port -}}{{ $port }}{{- else -}}{{ ternary "80" "443" (eq $url.scheme "http") }}{{- end -}}
{{- end -}}
