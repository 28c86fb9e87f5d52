#!/bin/sh
# An MCP server in about a megabyte of memory: what many sessions are held open with, so that a thousand children fit
# beside the gateway whose memory is read. It answers initialize, tools/list, ping and any other request.
while IFS= read -r line; do
  case $line in
    *'"id":'*) id=${line#*'"id":'} id=${id%%[,\}]*} ;;
    *) continue ;;
  esac
  case $line in
    *'"initialize"'*) result='{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"idle","version":"1"}}' ;;
    *'"tools/list"'*) result='{"tools":[]}' ;;
    *) result='{}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
