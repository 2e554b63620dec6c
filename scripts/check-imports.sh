#!/bin/sh
# check-imports.sh [FOLDER]     checks who imports whom under FOLDER (Sources)
# check-imports.sh --self-test  shows that the check still finds what it is there to find
#
# The compiler checks that a target imports only what Package.swift lets it know; this checks that
# Package.swift does not let it know too much. A room that the table does not have is an error.
set -eu
cd "$(dirname "$0")/.."

# room ROOM: the project's modules that it may import
# only LIBRARY: the rooms that may import it (a * at the end stands for any rest)
# core LIBRARY: the rooms of Core that may import it; Core imports no other library
table='
room Core/Inventory:
room Core/Dialects: Inventory
room Core/MetadataService: Inventory Dialects Telemetry
room Core/Telemetry: Inventory
room DataPlane/GuestServer: Inventory Dialects MetadataService Telemetry
room DataPlane/VendorDataClient: Inventory MetadataService
room ControlPlane/Manifest: Inventory
room ControlPlane/ControlAPI: Inventory Dialects MetadataService Telemetry
room ControlPlane/ControlServer: Inventory Dialects MetadataService Telemetry ControlAPI Manifest
room ControlPlane/ControlClient: Inventory Dialects MetadataService ControlAPI Manifest
room Storage/SQLiteStore: Inventory Telemetry
room Storage/EtcdStore: Inventory
room Host/HostProcess:
room Host/HostNetwork: Inventory HostProcess
room Host/ConfigDrive: Inventory Dialects HostProcess
room Host/DiskImage: Inventory Dialects HostProcess
room Host/Libvirt: Inventory
room Guest/GuestAgent:
room Programs/Daemon: Inventory Dialects MetadataService GuestServer VendorDataClient Manifest ControlAPI ControlServer SQLiteStore EtcdStore HostProcess HostNetwork ConfigDrive Telemetry
room Programs/Commands: Inventory Dialects MetadataService Telemetry Manifest ControlAPI ControlClient Daemon HostProcess HostNetwork ConfigDrive DiskImage Libvirt
room Programs/nameplate: Commands
room Programs/nameplate-guest: GuestAgent

core OrderedCollections: Core/Inventory Core/Dialects Core/MetadataService
core Synchronization: Core/Inventory Core/Dialects Core/MetadataService Core/Telemetry
core CoreMetrics: Core/MetadataService Core/Telemetry
core Glibc: Core/Inventory
core CMemory: Core/Inventory
core Crypto: Core/MetadataService
core Histogram: Core/Telemetry

only GRDB: Storage/SQLiteStore
only Hummingbird*: ControlPlane/ControlServer
only NIO*: DataPlane/VendorDataClient ControlPlane/ControlServer ControlPlane/ControlClient Storage/EtcdStore
only Crypto: Core/MetadataService ControlPlane/ControlServer
only X509: ControlPlane/ControlServer ControlPlane/ControlClient
only SwiftASN1: ControlPlane/ControlServer ControlPlane/ControlClient
only AsyncHTTPClient: DataPlane/VendorDataClient ControlPlane/ControlClient
only GRPC*: Storage/EtcdStore
only Subprocess: Host/HostProcess
only CHostNetwork: Host/HostNetwork
only CEventLoop: DataPlane/GuestServer
only CArchive: Host/ConfigDrive
only FoundationXML: Host/Libvirt
only Yams: ControlPlane/Manifest Programs/Daemon Programs/Commands
only Configuration: Programs/Daemon
only ArgumentParser: Programs/Commands Programs/nameplate Programs/nameplate-guest
'

check() {
  find "$1" -name '*.swift' | sort | awk -v table="$table" -v root="$1" '
    function complain(message) {
      printf "%s:%d: %s\n", file, line, message
      failed = 1
    }
    function list_has(list, word) { return index(" " list " ", " " word " ") > 0 }
    function judge(module,    name, prefix) {
      imports++
      if (module in is_room_module) {
        if (!list_has(may_know[room], module))
          complain(room " must not import " module ", another room")
        return
      }
      if (room ~ /^Core\// && !list_has(core[module], room)) {
        complain(room " must not import " module ": Core knows no more than the table says")
        return
      }
      for (name in only) {
        prefix = name
        if (sub(/\*$/, "", prefix) ? index(module, prefix) == 1 : module == name)
          if (!list_has(only[name], room))
            complain(room " must not import " module "; it lives in " only[name])
      }
    }
    # The module of a declaration like `@preconcurrency public import struct NIOCore.ByteBuffer`.
    function read_import(text,    words, count, i, module) {
      sub(/\/\/.*/, "", text)
      count = split(text, words, /[ \t]+/)
      for (i = 1; i <= count; i++) {
        if (words[i] == "" || words[i] ~ /^@/) continue
        if (words[i] ~ /^(public|package|internal|private|fileprivate)$/) continue
        break
      }
      if (words[i] != "import") return
      if (words[++i] ~ /^(struct|class|enum|protocol|typealias|func|let|var)$/) i++
      module = words[i]
      sub(/\..*/, "", module)
      if (module != "") judge(module)
    }
    BEGIN {
      rows = split(table, row, "\n")
      for (r = 1; r <= rows; r++) {
        colon = index(row[r], ":")
        if (!colon) continue
        split(substr(row[r], 1, colon - 1), head, " ")
        rest = substr(row[r], colon + 1)
        sub(/^ +/, "", rest)
        if (head[1] == "room") {
          is_room[head[2]] = 1
          may_know[head[2]] = rest
          module = head[2]
          sub(/.*\//, "", module)
          is_room_module[module] = 1
        }
        if (head[1] == "core") core[head[2]] = rest
        if (head[1] == "only") only[head[2]] = rest
      }
    }
    {
      file = $0
      files++
      line = 0
      split(substr(file, length(root) + 2), part, "/")
      room = part[1] "/" part[2]
      if (!(room in is_room)) {
        complain("the room " room " is not in the table of scripts/check-imports.sh")
        next
      }
      while ((status = (getline text < file)) > 0) {
        line++
        pieces = split(text, piece, ";")
        for (p = 1; p <= pieces; p++) read_import(piece[p])
      }
      close(file)
      if (status < 0) complain("cannot be read")
    }
    END {
      if (!imports) { print "no import was found under " root "; is this the right folder?"; failed = 1 }
      if (!failed) printf "imports: %d in %d files are as they should be\n", imports, files
      exit failed
    }'
}

# Each row is a file and an import that must be refused (-) or accepted (+).
self_test() {
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  cases='
- Core/Inventory/A.swift|import Foundation
- Core/Inventory/A.swift|public import Dialects
- Core/Dialects/A.swift|internal import Glibc
+ Core/Inventory/A.swift|import Glibc
+ Core/MetadataService/A.swift|public import Dialects
- DataPlane/GuestServer/A.swift|import ControlAPI
- DataPlane/GuestServer/A.swift|import GRDB
- DataPlane/GuestServer/A.swift|@preconcurrency import struct GRDB.Row
- DataPlane/GuestServer/A.swift|import NIOCore
+ DataPlane/VendorDataClient/A.swift|  internal import enum NIOHTTP1.HTTPMethod
- ControlPlane/ControlClient/A.swift|import Synchronization; import HummingbirdTLS
+ ControlPlane/ControlServer/A.swift|import Hummingbird
- Storage/SQLiteStore/A.swift|import NIOCore
- Guest/GuestAgent/A.swift|import Inventory
- Programs/Commands/A.swift|import SQLiteStore
- Attic/Box/A.swift|import Inventory
+ Programs/Commands/A.swift|import ArgumentParser // not import GRDB'
  failed=0
  while IFS= read -r row; do
    [ -n "$row" ] || continue
    expected=${row%% *}
    rest=${row#? }
    file=$folder/Sources/${rest%%|*}
    mkdir -p "$(dirname "$file")"
    printf '%s\n' "${rest#*|}" >"$file"
    if check "$folder/Sources" >/dev/null; then got=+; else got=-; fi
    if [ "$got" != "$expected" ]; then
      echo "check-imports.sh no longer works: '$rest' gave $got, not $expected" >&2
      failed=1
    fi
    rm -rf "$folder/Sources"
  done <<END
$cases
END
  return "$failed"
}

case "${1:-}" in
  --self-test) self_test ;;
  *) check "${1:-Sources}" ;;
esac
