import Inventory
import OrderedCollections
import Testing

/// network_data.json and the interfaces text, for networks of many makes.
@Suite("OpenStack's network documents")
struct NetworkDataTests {
  private static let empty: JSONValue = ["links": [], "networks": [], "services": []]

  /// An instance `h` with these interfaces, on these networks.
  private func world(_ interfaces: String, networks: String = "", more: String = "") throws -> World
  {
    try World(
      yaml: """
        kind: Instance
        id: 22222222-0000-4000-8000-000000000001
        hostname: h
        \(more)
        interfaces:
        \(interfaces)
        """ + (networks.isEmpty ? "" : "\n---\n\(networks)"))
  }

  private func networkData(_ world: World) throws -> JSONValue {
    try #require(try world.json("/openstack/latest/network_data.json", "h"))
  }

  @Test("the text between one and several interfaces is a blank line, numbers count them all")
  func severalInterfaces() throws {
    let world = try world(
      """
      - {network: none, addresses: [{ip: 10.0.0.1}]}
      - {network: plain, mac: "fa:16:3e:00:00:00", addresses: [{ip: 10.0.0.5}]}
      - {network: a, mac: "fa:16:3e:00:00:01", addresses: [{ip: 10.1.0.5}, {ip: "2001:db8::5"}]}
      - {network: told, mac: "fa:16:3e:00:00:02", addresses: [{ip: 10.2.0.5}]}
      - {network: b, mac: "fa:16:3e:00:00:03", addresses: [{ip: "2001:db8:3::5"}]}
      - {network: b, mac: "fa:16:3e:00:00:04"}
      """,
      networks: """
        {kind: Network, id: none, injected: true}
        ---
        {kind: Network, id: plain, subnets: [{cidr: 10.0.0.0/24, dhcp: true}]}
        ---
        kind: Network
        id: a
        injected: true
        subnets:
        - {cidr: 10.1.0.0/24, gateway: 10.1.0.1, dns: [192.0.2.1, 192.0.2.2]}
        - {cidr: "2001:db8::/64"}
        ---
        {kind: Network, id: told, injected: true, subnets: [{cidr: 10.2.0.0/24, dhcp: true}]}
        ---
        {kind: Network, id: b, injected: true, subnets: [{cidr: "2001:db8:3::/48"}]}
        """)
    #expect(
      try world.text("/openstack/content/0000", "h") == """
        # Injected by Nova on instance boot
        #
        # This file describes the network interfaces available on your system
        # and how to activate them. For more information, see interfaces(5).

        # The loopback network interface
        auto lo
        iface lo inet loopback

        auto eth1
        iface eth1 inet static
            hwaddress ether fa:16:3e:00:00:01
            address 10.1.0.5
            netmask 255.255.255.0
            broadcast 10.1.0.255
            gateway 10.1.0.1
            dns-nameservers 192.0.2.1 192.0.2.2
        iface eth1 inet6 static
            hwaddress ether fa:16:3e:00:00:01
            address 2001:db8::5
            netmask 64

        auto eth3
        iface eth3 inet6 static
            hwaddress ether fa:16:3e:00:00:03
            address 2001:db8:3::5
            netmask 48

        """)
    #expect(
      try world.json("/openstack/latest/meta_data.json", "h")?["network_config"] == [
        "name": "network_config", "content_path": "/content/0000",
      ])
  }

  @Test(
    "without anything to inject there is neither a text nor a network_config",
    arguments: [
      "{kind: Network, id: a, subnets: [{cidr: 10.0.0.0/24}]}",
      "{kind: Network, id: a, injected: true, subnets: [{cidr: 10.0.0.0/24, dhcp: true}]}",
      "{kind: Network, id: a, injected: true, subnets: [{cidr: 10.9.0.0/24}]}",
      "{kind: Network, id: a, injected: true}",
    ])
  func nothingInjected(_ network: String) throws {
    let world = try world("- {network: a, addresses: [{ip: 10.0.0.5}]}", networks: network)
    #expect(try world.text("/openstack/content/0000", "h") == nil)
    #expect(try world.json("/openstack/latest/meta_data.json", "h")?["network_config"] == nil)
  }

  @Test("a declared text is served as it is")
  func declaredText() throws {
    let world = try world(
      "- {network: default}", more: #"injectedNetworkConfig: "auto lo\n""#)
    #expect(try world.text("/openstack/content/0000", "h") == "auto lo\n")
  }

  @Test("without networks all three lists are empty")
  func noNetworks() throws {
    #expect(try networkData(try world("- {network: default, address: 192.0.2.1}")) == Self.empty)
    let unaddressed = try world(#"- {network: default, mac: "fa:16:3e:00:00:01"}"#)
    #expect(try networkData(unaddressed) == Self.empty)
  }

  @Test("an interface without a MAC is left out, one without an address has its link only")
  func linksOnly() throws {
    let world = try world(
      """
      - {network: a, addresses: [{ip: 10.0.0.5}]}
      - {network: a, mac: "fa:16:3e:00:00:01"}
      - {network: a, mac: "fa:16:3e:00:00:02", addresses: [{ip: 10.9.0.5}]}
      """,
      networks: """
        kind: Network
        id: a
        mtu: 1400
        vifType: macvtap
        subnets: [{cidr: 10.0.0.0/24, dns: [192.0.2.1]}]
        """)
    let link = { (id: String, mac: String) -> JSONValue in
      [
        "id": .string(id), "vif_id": .null, "type": "phy", "mtu": 1400,
        "ethernet_mac_address": .string(mac),
      ]
    }
    #expect(
      try networkData(world) == [
        "links": [
          link("interface0", "fa:16:3e:00:00:01"), link("interface1", "fa:16:3e:00:00:02"),
        ], "networks": [], "services": [],
      ])
  }

  @Test(
    "a link's name is the device's, else made of the interface's id",
    arguments: [
      (#"id: cd9f6d46-4a3a-43ab-a466-994af9db96fc, device: eth9, "#, "eth9"),
      (#"id: cd9f6d46-4a3a-43ab-a466-994af9db96fc, "#, "tapcd9f6d46-4a"),
      ("id: short, ", "tapshort"), ("", "interface0"),
    ])
  func linkNames(_ fields: String, _ name: String) throws {
    let world = try world(
      #"- {\#(fields)network: a, mac: "fa:16:3e:00:00:01"}"#,
      networks: "{kind: Network, id: a, subnets: [{cidr: 10.0.0.0/24}]}")
    #expect(try networkData(world)["links"]?.array?.first?["id"] == .string(name))
  }

  @Test(
    "a link's type is one of Nova's, else phy",
    arguments: [
      ("bridge", "bridge"), ("dvs", "dvs"), ("hw_veb", "hw_veb"), ("hyperv", "hyperv"),
      ("ovs", "ovs"), ("tap", "tap"), ("vhostuser", "vhostuser"), ("vif", "vif"),
      ("ethernet", "phy"), ("OVS", "phy"), ("unbound", "phy"),
    ])
  func linkTypes(_ declared: String, _ shown: String) throws {
    let world = try world(
      #"- {network: a, mac: "fa:16:3e:00:00:01"}"#,
      networks: "{kind: Network, id: a, vifType: \(declared), subnets: [{cidr: 10.0.0.0/24}]}")
    #expect(try networkData(world)["links"]?.array?.first?["type"] == .string(shown))
  }

  @Test(
    "the MTU is left to a DHCP server, not to DHCP without one",
    arguments: [
      ("{cidr: 10.0.0.0/24}", 1400), ("{cidr: 10.0.0.0/24, dhcp: true}", 1400),
      ("{cidr: 10.0.0.0/24, dhcp: true, dhcpServer: 10.0.0.2}", nil),
      ("{cidr: 10.0.0.0/24, dhcp: false, dhcpServer: 10.0.0.2}", 1400),
      ("{cidr: 10.0.0.0/24}, {cidr: \"2001:db8::/64\", dhcpServer: \"2001:db8::2\"}", nil),
    ] as [(String, Int?)])
  func mtu(_ subnets: String, _ mtu: Int?) throws {
    let world = try world(
      #"- {network: a, mac: "fa:16:3e:00:00:01", addresses: [{ip: 10.0.0.5}]}"#,
      networks: "{kind: Network, id: a, mtu: 1400, subnets: [\(subnets)]}")
    let shown = try networkData(world)["links"]?.array?.first?["mtu"]
    #expect(shown == mtu.map { JSONValue($0) } ?? .null)
  }

  @Test(
    "an IPv6 mode is rendered in full, DHCP alone is not",
    arguments: [
      ("", "ipv6", 8), ("dhcp: true, ", "ipv6_dhcp", 4),
      ("ipv6AddressMode: slaac, ", "ipv6_slaac", 8),
      ("dhcp: true, ipv6AddressMode: dhcpv6-stateful, ", "ipv6_dhcpv6-stateful", 8),
      ("dhcp: true, ipv6AddressMode: dhcpv6-stateless, ", "ipv6_dhcpv6-stateless", 8),
    ])
  func ipv6Modes(_ fields: String, _ type: String, _ count: Int) throws {
    let world = try world(
      #"- {network: a, mac: "fa:16:3e:00:00:01", addresses: [{ip: "2001:db8::5"}]}"#,
      networks: #"{kind: Network, id: a, subnets: [{\#(fields)cidr: "2001:db8::/64"}]}"#)
    let network = try networkData(world)["networks"]?.array?.first
    #expect(network?["type"] == .string(type))
    #expect(network?.object?.count == count)
  }

  @Test("services are those of subnets in which the interface has an address, once each")
  func services() throws {
    let world = try world(
      """
      - {network: a, mac: "fa:16:3e:00:00:01", addresses: [{ip: 10.1.0.5}]}
      - {network: a, mac: "fa:16:3e:00:00:02", addresses: [{ip: 10.0.0.5}]}
      """,
      networks: """
        kind: Network
        id: a
        subnets:
        - {cidr: 10.0.0.0/24, dns: [192.0.2.2, 192.0.2.1], dhcp: true}
        - {cidr: 10.1.0.0/24, dns: [192.0.2.1]}
        - {cidr: "2001:db8::/64", dns: ["2001:db8::53"]}
        """)
    let value = try networkData(world)
    #expect(
      value["services"] == [
        ["type": "dns", "address": "192.0.2.1"], ["type": "dns", "address": "192.0.2.2"],
      ])
    let types = value["networks"]?.array?.map { $0["type"] }
    #expect(types == ["ipv4", "ipv4_dhcp"])
  }
}
