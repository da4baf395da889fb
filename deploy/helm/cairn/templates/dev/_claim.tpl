{{- /* On a disk, because a database that forgot would be refused by the bucket that did not. */ -}}
{{- define "cairn.devClaim" -}}
- metadata:
    name: data
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .Values.dev.storageClass }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ .Values.dev.storage }}
{{- end -}}
