public import Inventory
public import MetadataService
import NIOCore

/// The way to a guest, as its connection's socket says it.
public struct GuestWay: Sendable, Hashable {
  public var source: IPAddress
  /// The address that the guest's packets arrived at; nil where there is none.
  public var local: IPAddress?
  /// The number of the interface that answers leave by, where the socket or a link-local source
  /// binds them to one; else 0.
  public var interface: UInt32

  public init(source: IPAddress, local: IPAddress?, interface: UInt32) {
    self.source = source
    self.local = local
    self.interface = interface
  }
}

/// Asks the kernel, in the network namespace of a listener, what it knows of the way to a guest. It
/// is called on event loops and must not wait.
public typealias LinkLookup = @Sendable (GuestWay) -> LinkFacts

extension GuestWay {
  /// Nil where the source says that it never was on a wire.
  init?(of channel: any Channel, source: IPAddress) {
    guard !source.isLoopback else { return nil }
    self.init(
      source: source, local: IPAddress(channel.localAddress),
      interface: GuestWay.interface(of: channel, source))
  }

  /// SO_BINDTOIFINDEX (Linux 5.0): the number of the interface that the socket is bound to.
  private static let boundInterface = NIOBSDSocket.Option(rawValue: 62)

  private static func interface(of channel: any Channel, _ source: IPAddress) -> UInt32 {
    if source.isLinkLocal { return channel.remoteAddress?.scope ?? 0 }
    let bound = try? channel.syncOptions?.getOption(.socketOption(boundInterface))
    return UInt32(exactly: bound ?? 0) ?? 0
  }
}
