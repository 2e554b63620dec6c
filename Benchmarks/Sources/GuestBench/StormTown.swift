/// The guests of a boot storm: instances with all that a cloud of today tells its guests, so that
/// cloud-init's walk is as long as a real one.
enum StormTown {
  static let networks = [
    """
    {"kind": "Network", "id": "default", "name": "front", "mtu": 1450, "vifType": "ovs", "subnets": \
    [{"cidr": "127.0.0.0/8", "gateway": "127.255.255.254", "dns": ["192.0.2.53"], "dhcp": false}, \
    {"cidr": "2001:db8:7::/64", "gateway": "2001:db8:7::1", "dns": ["2001:db8:53::53"], "dhcp": false}]}

    """,
    """
    {"kind": "Network", "id": "back", "name": "back", "mtu": 9000, "vifType": "ovs", "subnets": \
    [{"cidr": "10.64.0.0/10", "dns": ["192.0.2.53"], "dhcp": false, \
    "routes": [{"destination": "198.51.100.0/24", "gateway": "10.64.0.1"}]}]}

    """,
  ]

  static func instance(of guest: GuestTown.Guest) -> String {
    let number = guest.number
    let (front, back, floating) = own(of: guest)
    let port = String(guest.id.dropFirst(8))
    return """
      {"kind": "Instance", "id": "\(guest.id)", "project": "project-\(number % 100)", \
      "user": "user-\(number % 500)", "name": "\(guest.hostname)", "hostname": "\(guest.hostname)", \
      "domain": "example.internal", "accountId": "123456789012", "instanceType": "m1.small", \
      "architecture": "x86_64", "region": "north-1", "availabilityZone": "north-1a", \
      "availabilityZoneId": "n1-az1", "placementGroup": "racks", "host": "compute-\(number / 40)", \
      "reservationId": "r-\(MillionTown.hex(number % 256))cafe00", \
      "imageId": "5ba9f6a8-5a9a-4a2b-b6ef-8d4a8b1f0c0d", \
      "keys": [\(keys)], "userData": "\(MillionTown.userData(number % MillionTown.templates))", \
      "metadata": {"role": "web", "tier": "gold"}, \
      "tags": {"Name": "\(guest.hostname)", "role": "web", "cost-center": "north"}, \
      "metadataOptions": {"instanceMetadataTags": "enabled"}, \
      "vendorData": {"cloud-init": "#cloud-config\\nvendor_marker: yes\\n", "site": "lab-3"}, \
      "securityGroups": ["default", "web"], \
      "blockDevices": [{"virtual": "ami", "device": "vda"}, \
      {"virtual": "ephemeral0", "device": "vdb"}, {"virtual": "root", "device": "/dev/vda"}], \
      "interfaces": [{"id": "9a1b6b1e\(port)", "mac": "\(front)", "addresses": \
      [{"ip": "\(guest.addressText)", "floatingIPs": ["\(floating)"]}, \
      {"ip": "2001:db8:7::\(String(number + 16, radix: 16))"}]}, \
      {"id": "9a1b6b1f\(port)", "network": "back", "mac": "\(back)", "addresses": \
      [{"ip": "\(GuestTown.text(of: 0x0A40_0010 + UInt32(number)))"}]}]}

      """
  }

  /// What of a guest stands in paths: its MACs and its floating address.
  static func own(of guest: GuestTown.Guest) -> (front: String, back: String, floating: String) {
    let front = MillionTown.mac(of: guest)
    return (
      front, "fa:16:3f" + front.dropFirst(8),
      // The block that is set aside for benchmarks (RFC 2544).
      GuestTown.text(of: 0xC612_0010 + UInt32(guest.number))
    )
  }

  private static let keys = ["alice", "bob"].map {
    "{\"name\": \"\($0)\", \"publicKey\": \"\(BenchInventory.key)\"}"
  }.joined(separator: ", ")
}
