import Inventory
import Testing

@Suite("Resources")
struct ResourceTests {
  static let id = "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21"

  static func read(_ json: String) throws -> Resource {
    try Resource(reading: try JSONValue(parsing: json))
  }

  @Test("an instance reads back from what it writes, whatever is declared")
  func roundTrip() throws {
    let source = """
      {"kind": "Instance", "id": "\(Self.id)", "project": "p", "user": "u", "name": "Web 01 – café",
       "hostname": "web-01", "domain": "example.internal", "host": "compute-07", "launchIndex": 2,
       "reservationId": "r-1", "availabilityZone": "az 1", "region": "north",
       "instanceType": "m1", "accountId": "123456789012", "imageId": "i", "bootRoles": ["member"],
       "ec2": {"instanceId": "i-0000002a", "amiId": "ami-1"},
       "keys": ["alice", "ssh-ed25519 AAAA bob@desk", {"name": "c", "type": "x509", "publicKey": "PEM"}],
       "userDataBase64": "AAH/", "metadata": {"z": "", "a": "ü"}, "tags": {"Name": "x"},
       "vendorData": {"b": 1.0, "a": null}, "securityGroups": ["default", "default"],
       "blockDevices": [{"virtual": "ami", "device": "vda"}],
       "devices": [{"type": "disk", "serial": null, "tags": []}, {"type": "nic", "vlan": 7, "vf_trusted": true}],
       "dedicatedCpus": [4, 5], "adminPassword": "s", "files": [{"path": "/etc/x", "content": "y"}],
       "injectedNetworkConfig": "auto lo\\n",
       "interfaces": [{"id": "x", "network": "net-a", "mac": "FA:16:3E:9C:BF:3D", "device": "tap0",
         "addresses": [{"ip": "10.0.0.5", "floatingIPs": ["203.0.113.1"]}, {"ip": "2001:db8::5"}]},
         {"address": "10.0.1.5"}],
       "metadataOptions": {"httpTokens": "required"}}
      """
    let resource = try Self.read(source)
    let again = try Resource(reading: resource.value)
    #expect(again == resource)
    #expect(again.value.text == resource.value.text)
    #expect(resource.claims.count == 6)
    #expect(
      resource.references.map(\.description).sorted() == [
        "KeyPair p/alice", "Network default", "Network net-a",
      ])
    #expect(
      resource.claims.compactMap(resource.field(claiming:)).sorted() == [
        "ec2.instanceId", "interfaces[0]", "interfaces[0]", "interfaces[0].mac", "interfaces[1]",
        "name",
      ])
    #expect(
      resource.references.compactMap(resource.field(referringTo:)).sorted() == [
        "interfaces[0].network", "interfaces[1].network", "keys[0]",
      ])
  }

  @Test("what is not declared is not written: the least document stays the least")
  func least() throws {
    let source =
      #"{"kind": "Instance", "id": "\#(Self.id)", "hostname": "web-1", "interfaces": [{"network": "default", "addresses": [{"ip": "192.0.2.15"}]}]}"#
    #expect(try Self.read(source).value.text == source)
  }

  @Test("a network reads back from what it writes")
  func networkRoundTrip() throws {
    let source = """
      {"kind": "Network", "id": "net-a", "name": "a", "mtu": 1450, "injected": true, "vifType": "ovs",
       "subnets": [{"cidr": "10.20.0.7/24", "gateway": "10.20.0.1", "dns": ["10.20.0.2"],
         "routes": [{"destination": "169.254.169.254/32", "gateway": "10.20.0.2"}], "dhcpServer": "10.20.0.2"},
        {"cidr": "2001:db8::/64", "dhcp": false, "dhcpServer": "2001:db8::2", "ipv6AddressMode": "slaac"}]}
      """
    let resource = try Self.read(source)
    #expect(try Resource(reading: resource.value) == resource)
    guard case .network(let network) = resource else {
      Issue.record("not a network")
      return
    }
    #expect(network.subnets.map(\.dhcp) == [true, false])
  }

  @Test(
    "a project, and what is declared of the metadata options, read back as they were declared",
    arguments: [
      "", #""httpTokens": "optional""#, #""httpTokens": "required", "httpTokensScope": "all""#,
      #""httpEndpoint": "enabled", "httpTokens": "optional", "httpTokensScope": "ec2", "#
        + #""httpPutResponseHopLimit": 1, "instanceMetadataTags": "disabled""#,
      #""httpPutResponseHopLimit": 64"#,
    ])
  func metadataOptions(options: String) throws {
    let field = options.isEmpty ? "" : #", "metadataOptions": {\#(options)}"#
    for document in [
      #"{"kind": "Project", "id": "p"\#(field)}"#,
      #"{"kind": "Instance", "id": "\#(Self.id)", "hostname": "x"\#(field)}"#,
    ] {
      #expect(try Self.read(document).value.text == document)
    }
  }

  @Test(
    "what is wrong is named with its field",
    arguments: [
      (#"{"kind": "Server"}"#, "kind"),
      (#"{"hostname": "x"}"#, "kind"),
      (#"{"kind": "Instance", "hostname": "x"}"#, "id"),
      (#"{"kind": "Instance", "id": "web", "hostname": "x"}"#, "id"),
      (#"{"kind": "Instance", "id": "ID", "hostname": "-x"}"#, "hostname"),
      (#"{"kind": "Instance", "id": "ID"}"#, "hostname"),
      (#"{"kind": "Instance", "id": "ID", "hostname": "x", "hostName": "y"}"#, "hostName"),
      (#"{"kind": "Instance", "id": "ID", "hostname": "x", "launchIndex": "2"}"#, "launchIndex"),
      (#"{"kind": "Instance", "id": "ID", "hostname": "x", "metadata": {"a": 42}}"#, "metadata.a"),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "userData": "a", "userDataBase64": "YQ=="}"#,
        "userData"
      ),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "keys": [{"name": "a"}]}"#,
        "keys[0].publicKey"
      ),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "keys": ["ssh-rsa AAAA\nssh-rsa BBBB"]}"#,
        "keys[0]"
      ),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "interfaces": [{"mac": "fa:16"}]}"#,
        "interfaces[0].mac"
      ),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "interfaces": [{"address": "10.0.0.1", "addresses": []}]}"#,
        "interfaces[0].address"
      ),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "interfaces": [{"address": "224.0.0.1"}]}"#,
        "interfaces[0]"
      ),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "interfaces": [{"address": "10.0.0.1"}, {"address": "10.0.0.1"}]}"#,
        "interfaces"
      ),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "files": [{"path": "/a/../../etc/passwd", "content": ""}]}"#,
        "files[0].path"
      ),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "ec2": {"instanceId": "i-XYZ"}}"#,
        "ec2.instanceId"
      ),
      (#"{"kind": "Project"}"#, "id"),
      (#"{"kind": "Project", "id": "a/b"}"#, "id"),
      (
        #"{"kind": "Project", "id": "p", "metadataOptions": {"httpTokens": "always"}}"#,
        "metadataOptions.httpTokens"
      ),
      (
        #"{"kind": "Project", "id": "p", "metadataOptions": {"httpTokensScope": "openstack"}}"#,
        "metadataOptions.httpTokensScope"
      ),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "metadataOptions": {"httpPutResponseHopLimit": 65}}"#,
        "metadataOptions.httpPutResponseHopLimit"
      ),
      (
        #"{"kind": "Instance", "id": "ID", "hostname": "x", "metadataOptions": {"httpPutResponseHopLimit": 0}}"#,
        "metadataOptions.httpPutResponseHopLimit"
      ),
      (#"{"kind": "Network", "id": "Net A"}"#, "id"),
      (#"{"kind": "Network", "id": "a", "mtu": 20}"#, "mtu"),
      (#"{"kind": "Network", "id": "a", "subnets": [{"cidr": "10.0.0.0/33"}]}"#, "subnets[0].cidr"),
      (
        #"{"kind": "Network", "id": "a", "subnets": [{"cidr": "10.0.0.0/8", "gateway": "::1"}]}"#,
        "subnets[0].gateway"
      ),
      (#"{"kind": "KeyPair", "name": "a/b", "publicKey": "ssh-rsa AAAA"}"#, "name"),
      (#"{"kind": "KeyPair", "name": "a", "publicKey": "not a key"}"#, "publicKey"),
    ])
  func names(json: String, field: String) throws {
    let source = json.split(separator: "\"ID\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\(Self.id)\"")
    let value = try JSONValue(parsing: source)
    let error = #expect(throws: FieldError.self) { try Resource(reading: value) }
    #expect(error?.path == field)
  }

  @Test("user data is taken at its limit and refused one past it", arguments: [0, 1])
  func userDataLimit(past: Int) throws {
    let text = String(repeating: "x", count: Limits.maximumUserDataBytes + past)
    let value: JSONValue = [
      "kind": "Instance", "id": .string(Self.id), "hostname": "x", "userData": .string(text),
    ]
    if past == 0 {
      #expect(try Resource(reading: value).instance?.userData?.revealed.count == text.utf8.count)
    } else {
      #expect(throws: FieldError.self) { try Resource(reading: value) }
    }
  }

  @Test("a secret does not print")
  func secret() {
    let secret = Secret("hunter2")
    #expect(!"\(secret)\(String(reflecting: secret))".contains("hunter2"))
    var output = ""
    dump(secret, to: &output)
    #expect(!output.contains("hunter2"))
  }
}
