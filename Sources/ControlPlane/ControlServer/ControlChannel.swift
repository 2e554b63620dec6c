import Hummingbird
import HummingbirdCore
import Inventory
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// A connection of the operators' side: counted, behind TLS where it comes from the network, and
/// HTTP/1.1.
struct ControlChannel: ServerChildChannel {
  typealias Value = HTTP1Channel.Value

  let base: HTTP1Channel
  /// Nil on the control socket.
  let identity: ServerIdentity?
  let places: ConnectionPlaces

  struct TooMany: Error {}

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    let address = channel.remoteAddress?.ipAddress ?? ""
    guard places.take(address) else {
      channel.close(promise: nil)
      return channel.eventLoop.makeFailedFuture(TooMany())
    }
    channel.closeFuture.whenComplete { [places] _ in places.giveBack(address) }
    return channel.eventLoop.makeCompletedFuture {
      // The kernel says that more can be sent when a part of this has been read, which says that
      // somebody reads. Left alone it may be megabytes.
      try channel.syncOptions?.setOption(
        .socketOption(.so_sndbuf), value: .init(Limits.socketSendBytes))
      guard let identity else { return }
      try channel.pipeline.syncOperations.addHandler(
        NIOSSLServerHandler(context: identity.context()))
    }.flatMap { [base] in base.setup(channel: channel, logger: logger) }
  }

  func handle(value: Value, logger: Logger) async {
    await base.handle(value: value, logger: logger)
  }
}

/// Counts connections in all and by address.
final class ConnectionPlaces: Sendable {
  private let limit: Int
  private let limitPerAddress: Int
  private let taken = Mutex((all: 0, byAddress: [String: Int]()))

  init(limit: Int, perAddress: Int) {
    self.limit = limit
    limitPerAddress = perAddress
  }

  func take(_ address: String) -> Bool {
    taken.withLock { taken in
      guard taken.all < limit, taken.byAddress[address, default: 0] < limitPerAddress else {
        return false
      }
      taken.all += 1
      taken.byAddress[address, default: 0] += 1
      return true
    }
  }

  func giveBack(_ address: String) {
    taken.withLock { taken in
      taken.all -= 1
      let left = taken.byAddress[address, default: 1] - 1
      taken.byAddress[address] = left > 0 ? left : nil
    }
  }
}
