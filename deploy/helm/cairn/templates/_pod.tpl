{{- /* The metadata of a Pod: list $ .Values.api "api" annotations. */ -}}
{{- define "cairn.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $workload := index . 1 -}}
{{- $selector := include "cairn.selectorLabels" (list $root (index . 2)) | fromYaml -}}
{{- $version := dict "app.kubernetes.io/version" $root.Chart.AppVersion -}}
labels:
  {{- merge $selector $version (deepCopy $workload.podLabels) $root.Values.commonLabels | toYaml | nindent 2 }}
{{- with merge (deepCopy (index . 3)) $workload.podAnnotations $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The beginning of the spec of every Pod: list $ .Values.api "api". */ -}}
{{- define "cairn.podSpec" -}}
{{- $root := index . 0 -}}
{{- $workload := index . 1 -}}
serviceAccountName: {{ include "cairn.serviceAccountName" . }}
automountServiceAccountToken: {{ $workload.serviceAccount.automountToken }}
# Kubernetes would add variables for the Services, some of which begin with CAIRN_.
enableServiceLinks: false
securityContext:
  {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $workload.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $workload.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $workload.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $workload.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $workload.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{ toYaml . | nindent 4 | trim }}
    {{- if not .labelSelector }}
    labelSelector:
      matchLabels:
        {{- include "cairn.selectorLabels" (list $root (index $ 2)) | nindent 8 }}
    # Counts the new replicas of a rollout, not the terminating ones.
    matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
{{- end }}
{{- with include "cairn.volumes" . | trim }}
volumes:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The volumes of a Pod, as a list: list $ .Values.api "api". */ -}}
{{- define "cairn.volumes" -}}
{{- $root := index . 0 -}}
{{- $workload := index . 1 -}}
{{- if $root.Values.caBundle.configMap }}
- name: roots
  configMap:
    name: {{ $root.Values.caBundle.configMap }}
    items:
      - key: {{ $root.Values.caBundle.key }}
        path: ca.crt
{{- end }}
{{- with include "cairn.databaseFiles" $root | trim }}
- name: database
  projected:
    sources:
      {{- . | nindent 6 }}
{{- end }}
{{- if and (eq (index . 2) "api") (include "cairn.asksCluster" $root) }}
# The token with which the API fetches the API server's keys, and the CA of that server.
- name: cluster
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
{{- end }}
{{- if include "cairn.needsTls" (list $root (index . 2)) }}
{{- with $root.Values.tls }}
# Files follow their Secrets, so a renewed certificate needs no restart.
- name: tls
  projected:
    sources:
      - secret:
          name: {{ .secret.name }}
          items:
            - key: {{ .secret.certKey }}
              path: tls.crt
            - key: {{ .secret.keyKey }}
              path: tls.key
      {{- if and .clientCaSecret.name (eq (index $ 2) "api") }}
      - secret:
          name: {{ .clientCaSecret.name }}
          items:
            - key: {{ .clientCaSecret.key }}
              path: client-ca.crt
      {{- end }}
{{- end }}
{{- end }}
{{- with $workload.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- if and (ne (index . 2) "migrate") (eq $root.Values.migrate.mode "initContainer") }}
{{- with $root.Values.migrate.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The files from Secrets and ConfigMaps for Postgres, as the sources of a projected volume. A file follows its Secret; a
variable does not. */ -}}
{{- define "cairn.databaseFiles" -}}
{{- with .Values.database }}
{{- if include "cairn.passwordIsMounted" $ }}
- secret:
    name: {{ .passwordSecret.name }}
    items:
      - key: {{ .passwordSecret.key }}
        path: password
{{- end }}
{{- if .caSecret.name }}
- secret:
    name: {{ .caSecret.name }}
    items:
      - key: {{ .caSecret.key }}
        path: ca.crt
{{- end }}
{{- if .caConfigMap.name }}
- configMap:
    name: {{ .caConfigMap.name }}
    items:
      - key: {{ .caConfigMap.key }}
        path: ca.crt
{{- end }}
{{- end }}
{{- end -}}

{{- define "cairn.passwordIsMounted" -}}
{{- with .Values.database -}}
{{- if and (not $.Values.dev.enabled) (not .existingSecret.name) (not .urlFile) .passwordSecret.name }}true{{ end -}}
{{- end -}}
{{- end -}}

{{- /* Whether the API fetches the keys of tokens from the cluster's API server. */ -}}
{{- define "cairn.asksCluster" -}}
{{- if and .Values.tokens.issuer .Values.tokens.inCluster }}true{{ end -}}
{{- end -}}

{{- /* The variables for tokens, as a list. */ -}}
{{- define "cairn.tokenEnv" -}}
{{- with .Values.tokens -}}
- name: CAIRN_TOKEN_ISSUER
  value: {{ .issuer }}
- name: CAIRN_TOKEN_AUDIENCE
  value: {{ .audience | quote }}
{{- if .inCluster }}
# The discovery of some clusters names an address that Pods cannot reach.
- name: CAIRN_TOKEN_KEYS_URL
  value: https://kubernetes.default.svc/openid/v1/jwks
- name: CAIRN_TOKEN_CA_FILE
  value: /etc/cairn/cluster/ca.crt
- name: CAIRN_TOKEN_BEARER_FILE
  value: /etc/cairn/cluster/token
{{- else if .keysUrl }}
- name: CAIRN_TOKEN_KEYS_URL
  value: {{ .keysUrl }}
{{- end }}
{{- with .more }}
- name: CAIRN_TOKEN_ISSUERS
  value: {{ toJson . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The beginning of a container with Cairn's image: list $ .Values.api, and "api" or "gc-worker" for the program's
own container. */ -}}
{{- define "cairn.container" -}}
{{- $root := index . 0 -}}
{{- $workload := index . 1 -}}
image: {{ include "cairn.image" $root }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
securityContext:
  {{- toYaml $root.Values.containerSecurityContext | nindent 2 }}
resources:
  {{- toYaml $workload.resources | nindent 2 }}
{{- with include "cairn.volumeMounts" . | trim }}
volumeMounts:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* A container of the Job that migrates: the root, the values of migrate, its name and its command. */ -}}
{{- define "cairn.migrateContainer" -}}
{{- $root := index . 0 -}}
{{- $migrate := index . 1 -}}
- name: {{ index . 2 }}
  {{- include "cairn.container" (list $root $migrate) | nindent 2 }}
  command: {{ toJson (index . 3) }}
  {{- with $migrate.envFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  env:
    {{- range $name, $value := include "cairn.sharedEnv" $root | fromYaml }}
    - name: {{ $name }}
      value: {{ $value | quote }}
    {{- end }}
    {{- include "cairn.databaseEnv" (list $root $migrate.existingSecret) | trim | nindent 4 }}
    {{- with $migrate.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "cairn.volumeMounts" -}}
{{- $root := index . 0 -}}
{{- $workload := index . 1 -}}
{{- if $root.Values.caBundle.configMap }}
- name: roots
  mountPath: /etc/cairn/roots
  readOnly: true
{{- end }}
{{- if include "cairn.databaseFiles" $root | trim }}
- name: database
  mountPath: /etc/cairn/database
  readOnly: true
{{- end }}
{{- if and (has "api" .) (include "cairn.asksCluster" $root) }}
- name: cluster
  mountPath: /etc/cairn/cluster
  readOnly: true
{{- end }}
{{- if and (gt (len .) 2) (include "cairn.needsTls" (list $root (last .))) }}
- name: tls
  mountPath: /etc/cairn/tls
  readOnly: true
{{- end }}
{{- with $workload.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The init containers of a Deployment, if any. */ -}}
{{- define "cairn.initContainers" -}}
{{- if or .Values.extraInitContainers (eq .Values.migrate.mode "initContainer") }}
initContainers:
  {{- with .Values.extraInitContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- if eq .Values.migrate.mode "initContainer" }}
  - name: migrate
    {{- include "cairn.container" (list . .Values.migrate) | nindent 4 }}
    command: [cairn-api, migrate]
    envFrom:
      - configMapRef:
          name: {{ include "cairn.fullname" . }}
      {{- with .Values.migrate.envFrom }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    env:
      {{- include "cairn.databaseEnv" (list . .Values.migrate.existingSecret) | trim | nindent 6 }}
      {{- with .Values.migrate.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  {{- end }}
{{- end }}
{{- end -}}
