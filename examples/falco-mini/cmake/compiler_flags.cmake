# SPDX-License-Identifier: Apache-2.0
set(CMAKE_C_STANDARD 11)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

# Equal sources give equal binaries wherever they are compiled. The build folder is often inside the source
# folder, and the compiler tries the last mapping first, so the build folder comes last.
add_compile_options(
  -Wall -Wextra
  "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=/falco"
  "-ffile-prefix-map=${PROJECT_BINARY_DIR}=/falco/build")
# By this id a debugger finds the separate debug file of a stripped binary.
add_link_options(-Wl,--build-id=sha1 -Wl,--as-needed)
