#!/bin/sh
# Prints how to run this image.
exec cat /usr/local/share/usage
