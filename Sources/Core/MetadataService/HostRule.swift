public import Inventory

/// Whose names a request may be addressed to.
///
/// A page in a browser on the guest can have its own name resolve to the metadata address (DNS
/// rebinding) and then read the answers as its own; a server that can be made to fetch a URL (SSRF)
/// can be given such a name too. Both send that name as the Host. Nobody but guests' own programs
/// uses our addresses and names.
public struct HostRule: Sendable {
  public enum Check: String, Sendable, CaseIterable {
    /// Foreign names are answered, counted and logged.
    case audit
    /// Foreign names are refused.
    case enforce
    case off
  }

  /// Where clients look for metadata services by habit: EC2's, OpenStack's and GCE's address, EC2's
  /// for IPv6, OpenStack's for IPv6, Alibaba's and Scaleway's.
  static let usualAddresses: Set<IPAddress> = [
    .v4(0xA9FE_A9FE), .v6(0xFD00_0EC2_0000_0000, 0x254), .v6(0xFE80_0000_0000_0000, 0xA9FE_A9FE),
    .v4(0x6464_64C8), .v4(0xA9FE_2A2A),
  ]
  /// The same by name: GCE's, and cloud-init's last resort for EC2. A name without a dot cannot be
  /// rebound: nobody outside the guest's own search domains can register it.
  static let usualNames = ["metadata.google.internal", "metadata", "instance-data"]

  public let check: Check
  private let addresses: Set<IPAddress>
  private let names: Set<[UInt8]>

  /// - Parameters:
  ///   - names: More names and addresses that guests ask by, in any case, without ports.
  ///   - addresses: Those of the listeners and of the redirect.
  public init(check: Check = .audit, names: [String] = [], addresses: [IPAddress] = []) {
    self.check = check
    self.addresses = HostRule.usualAddresses.union(addresses + names.compactMap { IPAddress($0) })
    self.names = Set(
      (HostRule.usualNames + names).map { RequestHost.comparable(Array($0.utf8)[...]) })
  }

  /// Why a request's host is none of ours; nil where it is, or is not looked at.
  func refusal(for request: GuestRequest) -> Refusal? {
    guard check != .off, let host = request.question.host,
      !allows(host.name, local: request.local)
    else { return nil }
    return .foreignHost(
      String(decoding: host.text.prefix(HostRule.maximumQuotedBytes), as: UTF8.self))
  }

  /// Longer than any name that an operator would allow on reading it in the log.
  private static let maximumQuotedBytes = 100

  /// Whether a name or an address is one of ours.
  /// - Parameter local: The connection's own address.
  private func allows(_ name: RequestHost.Name, local: IPAddress?) -> Bool {
    switch name {
    case .address(let address): address == local || addresses.contains(address)
    case .name(let name):
      names.contains(name) || (local?.isLoopback == true && name.elementsEqual("localhost".utf8))
    case .unreadable: false
    }
  }
}
