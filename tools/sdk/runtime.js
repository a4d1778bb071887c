// The part of @pulumi/pulumi/runtime that the program and the SDKs in it use; see index.js.
'use strict';
module.exports = {
  ...require('@pulumi/pulumi/runtime/config'),
  ...require('@pulumi/pulumi/runtime/rpc'),
  ...require('@pulumi/pulumi/runtime/settings'),
};
