// The part of @pulumi/pulumi that the program and the SDKs in it use, for the bundle dist/program.js. The whole would
// also load the automation API, the closure serializer and with it npm's dependency resolver: 0.3 s of every preview.
'use strict';
module.exports = {
  ...require('@pulumi/pulumi/config'),
  ...require('@pulumi/pulumi/errors'),
  ...require('@pulumi/pulumi/metadata'),
  ...require('@pulumi/pulumi/output'),
  ...require('@pulumi/pulumi/resource'),
  ...require('@pulumi/pulumi/stackReference'),
  runtime: require('./runtime'),
};
