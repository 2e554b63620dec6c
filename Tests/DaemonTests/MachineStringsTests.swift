import Foundation
import TestKit
import Testing

/// cloud-init's own judgement of a machine's firmware.
private enum DataSourceIdentify {
  static let path = "/usr/lib/cloud-init/ds-identify"
  static let isThere = FileManager.default.isExecutableFile(atPath: path)

  /// A root with /sys/class/dmi/id as Linux makes it of `-smbios` words, on a virtual machine.
  static let script = """
    cd "$1"; mkdir -p sys/class/dmi/id sys/hypervisor proc/1 etc/cloud run dev var/lib/cloud bin
    : >proc/cmdline; : >proc/uptime; printf 'A=b\\0' >proc/1/environ
    printf 'datasource_list: [NoCloud, ConfigDrive, OpenStack, Ec2, None]\\n' >etc/cloud/cloud.cfg
    printf '#!/bin/sh\\necho kvm\\n' >bin/systemd-detect-virt; chmod +x bin/systemd-detect-virt
    for word in manufacturer:sys_vendor product:product_name serial:product_serial uuid:product_uuid; do
      printf '%s\\n' "$2" | tr , '\\n' | sed -n "s/^${word%:*}=//p" >"sys/class/dmi/id/${word#*:}"
    done
    PATH="$1/bin:$PATH" PATH_ROOT="$1" sh \(path) --force >/dev/null 2>&1 || :
    cat run/cloud-init/cloud.cfg
    """
}

@Suite(
  "cloud-init's search on a machine with our firmware strings",
  .enabled(if: DataSourceIdentify.isThere, "needs cloud-init"))
struct MachineStringsTests {
  static let id = "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21"

  @Test(
    "finds the data source of the dialect, and none without the strings",
    arguments: [
      ("openstack", "datasource_list: [ OpenStack, None ]"),
      ("ec2", "datasource_list: [ Ec2, None ]"), ("nocloud", "datasource_list: [ NoCloud, None ]"),
      (nil, "datasource_list: [  ]"),
    ] as [(String?, String)])
  func search(dialect: String?, found: String) async throws {
    let folder = try TemporaryFolder()
    var words = "type=1,product=Standard PC"
    if let dialect {
      let output = try await Program.run(
        ["instance", "smbios", Self.id, "-f", "-", "--dialect", dialect],
        input: "kind: Instance\nid: \(Self.id)\nhostname: a\n")
      #expect(output.status == 0, "\(output.error)")
      words = String(output.out.dropFirst("-smbios '".count).prefix { $0 != "'" })
    }
    let said = try await Program.tool(
      "sh", "-c", DataSourceIdentify.script, "sh", folder.path, words)
    #expect(said.contains(found), "\(words): \(said)")
  }
}
