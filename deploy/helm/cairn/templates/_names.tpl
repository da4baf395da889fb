{{- /* The base of all names: short enough that every suffix still fits into 63 characters. */ -}}
{{- define "cairn.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The selector labels of a component's Services and Pods: list $ "api". */ -}}
{{- define "cairn.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- /* The labels of an object: list $ "api". */ -}}
{{- define "cairn.labels" -}}
{{- $root := index . 0 -}}
{{ include "cairn.selectorLabels" . }}
app.kubernetes.io/part-of: cairn
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The metadata of an object, without its braces: list $ "api" "name-suffix" [annotations [labels]]. */ -}}
{{- define "cairn.metadata" -}}
{{- $root := index . 0 -}}
{{- $suffix := index . 2 -}}
{{- $annotations := dict -}}
{{- $labels := include "cairn.labels" (list $root (index . 1)) | fromYaml -}}
{{- if gt (len .) 3 -}}{{- $annotations = default dict (index . 3) -}}{{- end -}}
{{- if gt (len .) 4 -}}{{- $labels = merge (deepCopy (default dict (index . 4))) $labels -}}{{- end -}}
name: {{ include "cairn.fullname" $root }}{{ with $suffix }}-{{ . }}{{ end }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with merge (deepCopy $annotations) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The ServiceAccount of a workload: list $ .Values.api "api". */ -}}
{{- define "cairn.serviceAccountName" -}}
{{- $account := (index . 1).serviceAccount -}}
{{- if $account.create -}}
{{- default (printf "%s-%s" (include "cairn.fullname" (index . 0)) (index . 2)) $account.name -}}
{{- else -}}
{{- default "default" $account.name -}}
{{- end -}}
{{- end -}}

{{- define "cairn.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}
