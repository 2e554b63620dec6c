import CEventLoop
import Glibc
import Inventory
import Logging
import MetadataService
import Synchronization

/// What the connections that come in by a listener share, on all threads.
final class Entrance: Sendable {
  /// Nothing is accepted for so long after a failure that lasts.
  static let pauseMilliseconds = 250
  /// No more is said within it.
  static let quietMilliseconds = 10_000

  let id: ListenerID
  /// The listening socket. It is closed after all threads have let go of it.
  let socket: CInt
  let configuration: ListenerConfiguration
  /// Our own address, where the socket has one; nil where it listens at all.
  private let local: IPAddress?
  let links: LinkLookup?
  /// Of its guests' keys.
  private let salt: UInt64
  let shared: SharedResources
  /// Called where the socket is of no more use.
  let onLost: @Sendable () -> Void
  private let logger: Logger
  private let quietUntil = Mutex(Int.min)

  init(
    id: ListenerID, socket: CInt, configuration: ListenerConfiguration, local: IPAddress?,
    links: LinkLookup?, shared: SharedResources, logger: Logger,
    onLost: @escaping @Sendable () -> Void
  ) {
    self.id = id
    self.socket = socket
    self.configuration = configuration
    self.local = local
    self.links = links
    salt = GuestAccounts.Guest.salt(of: configuration.network)
    self.shared = shared
    self.logger = logger
    self.onLost = onLost
  }

  /// The address that a guest's packets arrive at.
  /// - Parameter socket: The connection's; asked only where the listener has no address of its own.
  func local(of socket: CInt) -> IPAddress? {
    if let local { return local }
    var found = np_address()
    guard unsafe np_local_address(socket, &found) == 0 else { return nil }
    return IPAddress(upper: found.upper, lower: found.lower)
  }

  /// Who a peer is to the accounts.
  func guest(_ peer: GuestPeer) -> GuestAccounts.Guest {
    GuestAccounts.Guest(network: configuration.network, address: peer.address, salt: salt)
  }

  /// Lets a guest in, or not.
  /// - Parameter isKnown: Whether somebody has declared the guest's address.
  /// - Returns: A seat; where it is not taken, the socket is to be closed without a word.
  func admit(_ guest: GuestAccounts.Guest, isKnown: Bool, now: Int) -> ConnectionLedger.Seat {
    let seat = shared.ledger.admit(guest, isKnown: isKnown, by: id, now: now)
    if !seat.isTaken { shared.notes.note(.tooManyConnections, of: guest, now: now) }
    return seat
  }

  /// Says that no connection can be accepted for a while.
  func cannotAccept(_ code: CInt, now: Int) {
    let isToBeSaid = quietUntil.withLock { quietUntil in
      guard now >= quietUntil else { return false }
      quietUntil = now + Entrance.quietMilliseconds
      return true
    }
    guard isToBeSaid else { return }
    let isOutOfDescriptors = code == EMFILE || code == ENFILE
    logger.error(
      "cannot accept connections\(isOutOfDescriptors ? "; raise the limit on open files" : "")",
      metadata: ["listener": "\(configuration)", "error": "\(systemReason(code))"])
  }
}

/// Why there is no connection to accept.
enum AcceptFailure: Sendable, Hashable {
  /// None waits.
  case empty
  /// A guest that was gone before it was accepted hinders nobody: accept(2) names these errors.
  case passing
  /// The process or the system has no room, and has none a moment later either.
  case exhausted(CInt)
  /// The socket does not listen any more.
  case gone

  init(code: CInt) {
    self =
      switch code {
      case EAGAIN: .empty
      case EINTR, ECONNABORTED, ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
        EOPNOTSUPP, ENETUNREACH, EPERM:
        .passing
      case EINVAL, EBADF, ENOTSOCK: .gone
      default: .exhausted(code)
      }
  }
}

/// The system's own words for an error.
func systemReason(_ code: CInt) -> String {
  unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
}
