// Starts the program, as PULUMI_LANGUAGE_NODEJS_RUN_PATH. The language host that is built from its Go module
// (docs/dependencies.md) is older than Pulumi.yaml's `typescript: false` and asks for ts-node, 0.3 s of every preview.
'use strict';
delete process.env.PULUMI_NODEJS_TYPESCRIPT;
require('@pulumi/pulumi/cmd/run');
