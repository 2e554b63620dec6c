import Foundation
import GuestServer
import HostNetwork
import Inventory
import Synchronization

/// Listening sockets that another daemon has handed over. Each is what the kernel says it is; which
/// network's guests ask there is said by this daemon's own configuration.
final class InheritedListeners: Sendable {
  private let sockets: Mutex<[ListeningSocket]>

  init(_ sockets: [ListeningSocket] = []) { self.sockets = Mutex(sockets) }

  deinit { closeRest() }

  /// Parts configured listeners into those whose sockets are here, with them, and those that are to
  /// be opened.
  func part(_ listeners: some Sequence<ListenerConfiguration>)
    -> (inherited: [ListenerConfiguration], others: [ListenerConfiguration])
  {
    var parts: (inherited: [ListenerConfiguration], others: [ListenerConfiguration]) = ([], [])
    for var listener in listeners {
      let found = take { socket in
        socket.isHere && listener.zone == nil && socket.address == listener.address
          && socket.port == listener.port && socket.device == listener.device
      }
      if found.isEmpty { parts.others.append(listener) }
      for socket in found {
        listener.fileDescriptor = socket.descriptor
        parts.inherited.append(listener)
      }
    }
    return parts
  }

  /// A rule's socket in a namespace; nil where none is here.
  func take(_ rule: NamespaceRule, in namespace: NamespaceIdentity) -> Int32? {
    sockets.withLock { sockets in
      let index = sockets.firstIndex { socket in
        socket.namespace == namespace && socket.address == rule.address
          && socket.port == rule.port && socket.device == rule.device
      }
      return index.map { sockets.remove(at: $0).descriptor }
    }
  }

  /// Whether one is at an address and port of the host itself.
  func have(_ address: IPAddress, port: Int) -> Bool {
    sockets.withLock { sockets in
      sockets.contains { $0.isHere && $0.address == address && $0.port == port }
    }
  }

  /// Closes those that the configuration has no listener for: at first those of the host itself,
  /// whose addresses and ports others may want.
  func closeRest(onlyHere: Bool = false) {
    for socket in take({ $0.isHere || !onlyHere }) { close(socket.descriptor) }
  }

  private func take(_ isWanted: (ListeningSocket) -> Bool) -> [ListeningSocket] {
    sockets.withLock { sockets in
      defer { sockets.removeAll(where: isWanted) }
      return sockets.filter(isWanted)
    }
  }
}
