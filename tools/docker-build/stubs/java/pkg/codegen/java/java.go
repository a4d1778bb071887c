// Package java stands in for pulumi-java's code generator, whose module the proxy
// refuses. The docker-build plugin only fills this struct into its schema's language
// section, which generates SDKs; nothing at run time reads it.
package java

// PackageInfo has the fields the plugin sets.
type PackageInfo struct {
	BuildFiles                     string            `json:"buildFiles,omitempty"`
	GradleNexusPublishPluginVersion string            `json:"gradleNexusPublishPluginVersion,omitempty"`
	Dependencies                   map[string]string `json:"dependencies,omitempty"`
}
