import Foundation
import Inventory
import TestKit
import Testing

/// Debian's cloud-init reads what is on the drives.
@Suite("cloud-init's data sources on drives")
struct CloudInitDriveTests {
  static let id = "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21"

  static let manifest = """
    kind: Network
    id: net-a
    mtu: 1450
    subnets:
    - cidr: 10.20.0.0/24
      gateway: 10.20.0.1
      dns: [10.20.0.2]
      routes: [{destination: 198.51.100.0/24, gateway: 10.20.0.9}]
    - cidr: "2001:db8:20::/64"
      gateway: "2001:db8:20::1"
    ---
    kind: Network
    id: net-b
    subnets: [{cidr: 10.30.0.0/24, dhcp: true}]
    ---
    kind: Instance
    id: \(id)
    hostname: web-1
    domain: example.internal
    availabilityZone: zone-a
    adminPassword: S3cret
    keys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA alice@laptop
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB bob 🚀
    userDataBase64: I2Nsb3VkLWNvbmZpZwoA/w==
    metadata: {role: "web 🚀"}
    vendorData: {cloud-init: "#cloud-config\\nvendor: yes\\n"}
    files: [{path: /etc/banner, contentBase64: AP8=}]
    interfaces:
    - network: net-a
      mac: "fa:16:3e:0a:0b:01"
      addresses: [{ip: 10.20.0.5}, {ip: "2001:db8:20::5"}]
    - network: net-b
      mac: "fa:16:3e:0a:0b:02"
      address: 10.30.0.5
    """

  /// Calls a data source with a drive's files in the place where it looks first.
  private static let driver = """
    import importlib, json, shutil, sys, tempfile
    from cloudinit import distros, helpers, net
    net.get_interfaces_by_mac = lambda *_, **__: {
      "fa:16:3e:0a:0b:01": "eth0", "fa:16:3e:0a:0b:02": "eth1"}
    name, seed, files = sys.argv[1:]
    tmp = tempfile.mkdtemp()
    shutil.copytree(files, f"{tmp}/seed/{seed}")
    paths = helpers.Paths({"cloud_dir": tmp, "run_dir": tmp, "templates_dir": "/etc/cloud/templates"})
    config = {"datasource_list": [name], "system_info": {"distro": "debian"}}
    distro = distros.fetch("debian")("debian", config["system_info"], paths)
    module = importlib.import_module(f"cloudinit.sources.DataSource{name}")
    source = getattr(module, f"DataSource{name}")(config, distro, paths)
    found = source.get_data()
    hostname = source.get_hostname(fqdn=True)
    print(json.dumps({
      "found": bool(found), "id": source.get_instance_id(),
      "hostname": getattr(hostname, "hostname", hostname),
      "keys": [key.strip() for key in source.get_public_ssh_keys()],
      "userData": list(source.get_userdata_raw() or b""),
      "vendorData": source.get_vendordata_raw() if isinstance(source.get_vendordata_raw(), str)
        else (source.get_vendordata_raw() or b"").decode(),
      "role": source.metadata.get("meta", {}).get("role"),
      "password": source.metadata.get("admin_pass"),
      "seedBytes": len(source.metadata.get("random_seed") or b""),
      "files": {path: list(content) for path, content in (getattr(source, "files", None) or {}).items()},
      "network": source.network_config,
    }))
    shutil.rmtree(tmp)
    """

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// What a data source makes of a drive.
  private func read(
    _ source: String, seed: String, format: String, _ flags: [String]
  ) async throws -> JSONValue {
    try Self.manifest.write(toFile: folder["m.yaml"], atomically: true, encoding: .utf8)
    let written = try await Program.run(
      [
        "drive", "write", "-f", folder["m.yaml"], "--format", format, "--output", folder["d"],
      ] + flags)
    #expect(written.status == 0, "\(written.error)")
    let files = folder["files"]
    try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
    if format == "vfat" {
      try await Program.tool("mcopy", "-s", "-i", folder["d"], "::/", files)
    } else {
      try await Program.tool(
        "xorriso", "-osirrox", "on", "-indev", folder["d"], "-extract", "/", files)
    }
    let output = try await Program.run(
      "/usr/bin/python3", ["-c", Self.driver, source, seed, files])
    #expect(output.status == 0, "\(output.error)")
    return try JSONValue(parsing: Array(output.out.utf8))
  }

  private func checkCommon(_ found: JSONValue) {
    #expect(found["found"] == true)
    #expect(found["id"]?.string == Self.id)
    #expect(found["hostname"]?.string == "web-1.example.internal")
    #expect(
      found["keys"] == [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA alice@laptop",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB bob 🚀",
      ])
    let userData = [UInt8]("#cloud-config\n".utf8) + [0, 0xFF]
    #expect(found["userData"] == .array(userData.map { JSONValue(Int($0)) }))
    #expect(found["vendorData"]?.string == "#cloud-config\nvendor: yes\n")
    #expect(found["role"]?.string == "web 🚀")
  }

  @Test("ConfigDrive", arguments: ["iso9660", "vfat"])
  func configDrive(_ format: String) async throws {
    let found = try await read("ConfigDrive", seed: "config_drive", format: format, [])
    checkCommon(found)
    #expect(found["password"]?.string == "S3cret")
    #expect(found["seedBytes"]?.integer == 512)
    #expect(found["files"] == ["/etc/banner": [0, 255]])
    let links = found["network"]?["config"]?.array ?? []
    let first = links.first { $0["mac_address"]?.string == "fa:16:3e:0a:0b:01" }
    #expect(first?["mtu"]?.integer == 1450)
    #expect(first?["subnets"]?.array?.first?["address"]?.string == "10.20.0.5")
    let second = links.first { $0["mac_address"]?.string == "fa:16:3e:0a:0b:02" }
    #expect(second?["subnets"]?.array?.first?["type"]?.string == "dhcp4")
  }

  @Test("NoCloud", arguments: ["iso9660", "vfat"])
  func noCloud(_ format: String) async throws {
    let found = try await read("NoCloud", seed: "nocloud", format: format, ["--nocloud"])
    checkCommon(found)
    let cards = found["network"]?["ethernets"]
    #expect(cards?["nic0"]?["match"]?["macaddress"]?.string == "fa:16:3e:0a:0b:01")
    #expect(cards?["nic0"]?["addresses"] == ["10.20.0.5/24", "2001:db8:20::5/64"])
    #expect(cards?["nic0"]?["mtu"]?.integer == 1450)
    #expect(cards?["nic1"]?["dhcp4"] == true)
    // What cloud-init makes of it: the kernel's names, found by the MAC.
    let network: JSONValue = ["network": found["network"] ?? .null]
    try network.text.write(
      toFile: folder["network.json"], atomically: true, encoding: .utf8)
    let rendered = try await Program.run(
      "/usr/bin/env",
      [
        "cloud-init", "devel", "net-convert", "-p", folder["network.json"], "-k", "yaml", "-d",
        folder["rendered"], "-D", "debian", "-O", "networkd", "-m", "eth9,fa:16:3e:0a:0b:01",
      ])
    #expect(rendered.status == 0, "\(rendered.error)")
  }

  @Test("NoCloud over HTTP serves the drive's documents, user data and vendor data always")
  func overHTTP() async throws {
    let daemon = try await DaemonProcess(
      manifest: "kind: Instance\nhostname: least\ninterfaces:\n- address: 127.0.0.1\n")
    defer { daemon.stop() }
    #expect(try await daemon.curl("/nocloud/meta-data").contains(#"local-hostname: "least""#))
    #expect(try await daemon.curl("/nocloud/user-data") == "")
    #expect(try await daemon.curl("/nocloud/vendor-data") == "")
    let absent = try await Program.run(
      "/usr/bin/env",
      [
        "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
        "http://127.0.0.1:\(daemon.port)/nocloud/network-config",
      ])
    #expect(absent.out == "404")
  }
}
