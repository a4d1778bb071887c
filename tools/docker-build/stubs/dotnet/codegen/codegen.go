// Package codegen stands in for pulumi-dotnet's code generator, whose module the
// proxy refuses. The docker-build plugin only fills this struct into its schema's
// language section, which generates SDKs; nothing at run time reads it.
package codegen

// CSharpPackageInfo has the fields the plugin sets.
type CSharpPackageInfo struct {
	RespectSchemaVersion bool              `json:"respectSchemaVersion,omitempty"`
	PackageReferences    map[string]string `json:"packageReferences,omitempty"`
}
