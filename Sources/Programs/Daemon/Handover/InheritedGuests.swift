import GuestServer
import Inventory
import Logging
import MetadataService
import ServiceLifecycle

/// Takes guests' connections at the sockets that another daemon has handed over, once that one takes
/// none any more: two at a time would wake each other for nothing.
struct InheritedGuests: Service {
  let sockets: [ListenerConfiguration]
  let listeners: ListenerSet
  let links: LinkLookup
  let mayAccept: @Sendable () async -> Void
  let logger: Logger
  let onReady: @Sendable () -> Void

  /// A listener closed by itself.
  struct Lost: Error, CustomStringConvertible {
    let description: String
  }

  func run() async throws {
    try await cancelWhenGracefulShutdown {
      await mayAccept()
      let (losses, lost) = AsyncStream<ListenerConfiguration>.makeStream()
      for socket in sockets {
        guard !Task.isCancelled else { return }
        _ = try await listeners.add(socket, onLost: { lost.yield(socket) }, links: links)
        logger.info(
          "listening for guests",
          metadata: [
            "listener": "\(socket)", "port": "\(socket.port)",
            "network": "\(socket.network?.text ?? "any")",
          ])
      }
      onReady()
      for await socket in losses { throw Lost(description: "the listener at \(socket) is gone") }
    }
  }
}
