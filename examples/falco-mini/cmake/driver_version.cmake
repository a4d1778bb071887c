# SPDX-License-Identifier: Apache-2.0
# The driver has a version of its own: it changes only when the driver or its event format does,
# so that a new falco can go on with a driver that is loaded already.
if(NOT DRIVER_VERSION)
  set(DRIVER_VERSION "5f1c0e7d2b9a48c6d3e0714f8a6b52c90d1e3f47")
endif()
set(DRIVER_NAME "falco")
set(DRIVER_DEVICE_NAME "falco0")
set(DRIVER_PACKAGE_NAME "falco")
