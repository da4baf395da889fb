{{- /* On a disk: if the database were lost and the bucket not, the bucket would refuse the new database. */ -}}
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
