#!/bin/sh
# A web server that says its own name. Usage: backend NAME
set -eu
mkdir -p /tmp/www
echo "$1" >/tmp/www/index.html
exec busybox httpd -f -p 8080 -h /tmp/www
