{{- define "bgremove.name" -}}
{{ if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{/* Labels that select a part: dict "root" $ "part" NAME. */}}
{{- define "bgremove.selector" -}}
app.kubernetes.io/name: bgremove
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "bgremove.labels" -}}
{{ include "bgremove.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* The URL of the queue, where the chart writes the Secret. */}}
{{- define "bgremove.queueURL" -}}
{{- if .Values.redis.enabled -}}
redis://{{ include "bgremove.name" . }}-redis:6379
{{- else -}}
{{ required "one of queue.url, queue.existingSecret and redis.enabled is needed" .Values.queue.url }}
{{- end -}}
{{- end }}

{{/* Whether a setting of config's egress is on: list $ "urls". */}}
{{- define "bgremove.egress" -}}
{{ dig "egress" (last .) false (first .).Values.config }}
{{- end }}

{{- define "bgremove.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
