{{/* The name of everything that the chart makes. */}}
{{- define "pronto-grpc.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $both := printf "%s-%s" .Release.Name $name -}}
{{- $own := ternary .Release.Name $both (contains $name .Release.Name) -}}
{{- default $own .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* What tells the pods of this release from others; it never changes. */}}
{{- define "pronto-grpc.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "pronto-grpc.labels" -}}
{{ include "pronto-grpc.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "pronto-grpc.serviceAccount" -}}
{{- $own := ternary (include "pronto-grpc.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end -}}

{{/* Whether there is an access file. */}}
{{- define "pronto-grpc.hasAccess" -}}
{{- if or .Values.access.file .Values.access.existingSecret }}true{{ end -}}
{{- end -}}

{{/* The URL under which Pronto calls back, or nothing. */}}
{{- define "pronto-grpc.callbackUrl" -}}
{{- with .Values.callbacks -}}
{{- if .url }}{{ .url }}{{ else if .ingress.enabled }}https://{{ .ingress.host }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* How the kubelet asks about the server: by gRPC, which it cannot do over TLS. */}}
{{- define "pronto-grpc.probe" -}}
{{- if .root.Values.tls.enabled -}}
httpGet: {port: admin, path: {{ .path }}}
{{- else -}}
grpc: {port: {{ .root.Values.grpc.port }}, service: {{ .service }}}
{{- end -}}
{{- end -}}
