import Dialects
import Inventory

/// What configures a guest's network, as found in its image.
public enum GuestNetworking: String, Sendable, CaseIterable {
  case netplan
  case ifupdown
  case networkd

  private static let programs: [(GuestNetworking, [GuestPath])] = [
    (.netplan, paths("usr/sbin/netplan")),
    (.ifupdown, paths("sbin/ifup", "usr/sbin/ifup")),
    (.networkd, paths("lib/systemd/systemd-networkd", "usr/lib/systemd/systemd-networkd")),
  ]

  private static func paths(_ texts: String...) -> [GuestPath] {
    texts.map { GuestPath($0.split(separator: "/").map(String.init)) }
  }

  /// The first whose program is in the image.
  static func find(in tree: GuestTree) async -> GuestNetworking? {
    for (networking, paths) in programs {
      for path in paths where await tree.has(path) { return networking }
    }
    return nil
  }

  private static let networkdFolder = GuestPath(["etc", "systemd", "network"])
  private static let networkdPrefix = "10-nameplate-"

  /// The files that make it do what the record says.
  func nodes(for view: InstanceView, in tree: GuestTree) async throws(DiskImageError)
    -> [WantedNode]
  {
    switch self {
    case .netplan:
      guard let text = NetworkFiles.netplan(for: view) else { return [] }
      // It may hold secrets of others, so netplan complains of anything else than 0600.
      return [file(["etc", "netplan", "60-nameplate.yaml"], text, mode: 0o600)]
    case .ifupdown:
      guard let text = NetworkFiles.interfaces(for: view) else { return [] }
      var node = file(["etc", "network", "interfaces"], text, mode: 0o644)
      node.keepsOwn = true
      return [node]
    case .networkd:
      let files = NetworkFiles.networkd(for: view)
      var nodes = files.enumerated().map { number, text in
        file(
          GuestNetworking.networkdFolder.names
            + ["\(GuestNetworking.networkdPrefix)\(number).network"], text, mode: 0o644)
      }
      let wanted = Set(nodes.map(\.path))
      // What an earlier record had more of.
      for name in try await tree.names(in: GuestNetworking.networkdFolder) {
        let path = GuestNetworking.networkdFolder / name
        guard GuestNetworking.isOwn(name), !wanted.contains(path) else { continue }
        nodes.append(
          WantedNode(path: path, content: .absent, mode: 0o644, purpose: "network no longer there"))
      }
      return nodes
    }
  }

  /// Names come from the image: only those that we ourselves would give are ours.
  private static func isOwn(_ name: String) -> Bool {
    guard name.hasPrefix(networkdPrefix), name.hasSuffix(".network") else { return false }
    let number = name.dropFirst(networkdPrefix.count).dropLast(".network".count)
    return Int(number).map(String.init) == String(number)
  }

  private func file(_ names: [String], _ text: String, mode: UInt32) -> WantedNode {
    WantedNode(
      path: GuestPath(names), content: .file(Array(text.utf8)), mode: mode,
      purpose: "network (\(rawValue))")
  }
}
