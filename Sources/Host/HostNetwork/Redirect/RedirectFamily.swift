import Inventory

/// One address family of a router's redirect.
struct RedirectFamily: Hashable {
  let isIPv4: Bool
  /// Nil where only refusing is asked for: nobody may answer at this family's metadata address.
  let host: IPAddress?
  let guests: [CIDR]

  var metadataAddress: String {
    isIPv4 ? MetadataAddress.ipv4.rawValue : MetadataAddress.ipv6.rawValue
  }
}

extension RouterRedirect {
  /// A family without a metadata host is there to be refused, unless guests are restricted to
  /// networks of the other.
  var families: [RedirectFamily] {
    [true, false].compactMap { isIPv4 in
      let host = isIPv4 ? metadataHostIPv4 : metadataHostIPv6
      let guests = guests.filter { $0.network.isIPv4 == isIPv4 }
      if guests.isEmpty && !self.guests.isEmpty { return nil }
      return RedirectFamily(isIPv4: isIPv4, host: host, guests: guests)
    }
  }
}

/// A tool and what it reads: what an installation does, one after the other.
struct RedirectStep: Hashable, CustomStringConvertible {
  let tool: String
  let arguments: [String]
  let input: String

  /// As an operator could do it by hand.
  var description: String { "# \(([tool] + arguments).joined(separator: " "))\n\(input)" }
}
