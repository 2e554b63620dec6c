import CEventLoop
import Glibc
import Inventory
import Logging

/// An open listener.
struct GuestListener: Sendable {
  let entrance: Entrance
  let loops: GuestLoops
  /// As the system chose it where 0 was asked for.
  let port: Int

  var id: ListenerID { entrance.id }
  var configuration: ListenerConfiguration { entrance.configuration }

  /// Opens a listener, and serves its guests from now on.
  /// - Parameters:
  ///   - id: What its connections are entered under.
  ///   - links: Says what the kernel knows of the way to a guest; nil where nobody does.
  ///   - onLost: Called where the socket is of no more use, by each thread that finds it so.
  /// - Throws: ``ListenError``, which names the address, the port and the way out.
  static func open(
    _ configuration: ListenerConfiguration, id: ListenerID, loops: GuestLoops,
    shared: SharedResources, links: LinkLookup? = nil, logger: Logger,
    onLost: @escaping @Sendable () -> Void = {}
  ) async throws(ListenError) -> GuestListener {
    let socket = try ListeningSocket.open(configuration)
    let entrance = Entrance(
      id: id, socket: socket.descriptor, configuration: configuration, local: socket.address,
      links: links, shared: shared, logger: logger, onLost: onLost)
    await loops.perform { $0.open(entrance, &$1) }
    return GuestListener(entrance: entrance, loops: loops, port: socket.port)
  }

  /// Accepts nothing more, and closes the listener. What has been accepted is served on.
  func close() async {
    await loops.perform { [entrance] in $0.close(entrance, &$1) }
    Glibc.close(entrance.socket)
  }
}
