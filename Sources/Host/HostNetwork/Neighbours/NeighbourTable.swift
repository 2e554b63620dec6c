import CHostNetwork
import Glibc
public import Inventory
import Synchronization

/// The kernel's routes and neighbours in one network namespace, asked over netlink.
///
/// The kernel answers in the course of the system call that asks, so nobody waits for an answer. The
/// socket stays in the namespace that it was opened in.
public final class NeighbourTable: Sendable {
  /// The way to an address.
  public enum Way: Sendable, Hashable {
    /// On a link of this host, where the neighbour table has this MAC for it.
    case onLink(MACAddress)
    /// On such a link, whose neighbours have no MACs: a tunnel, or what is not Ethernet.
    case onLinkWithoutMAC
    /// On such a link, and the table has no MAC for it just now: it is evicted, or not found.
    case unresolved
    /// Behind a router.
    case routed
    /// The kernel says of no way, or cannot be asked.
    case unknown
    /// The kernel cannot be asked for one neighbour (Linux before 5.0).
    case unsupported
  }

  /// An answer of the largest kind, an interface's, has some 2 KiB.
  private static let bufferBytes = 16_384
  /// Answers to questions that were given up on may stand before ours.
  private static let maximumReads = 8

  private struct State {
    var sequence: UInt32 = 0
    var buffer = [UInt8](repeating: 0, count: bufferBytes)
  }

  private let descriptor: Int32
  private let state = Mutex(State())

  /// - Parameter descriptor: Of `np_open_route_socket`; it is closed with this.
  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// The table of the namespace that the calling thread is in.
  public static func open() throws(NotOpened) -> NeighbourTable {
    let descriptor = np_open_route_socket()
    guard descriptor >= 0 else { throw NotOpened(code: errno) }
    return NeighbourTable(descriptor: descriptor)
  }

  /// No socket can be had for questions about neighbours.
  public struct NotOpened: Error, Sendable, Hashable, CustomStringConvertible {
    /// An errno.
    let code: Int32

    public var description: String {
      let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
      return "the kernel cannot be asked which MAC a guest has (AF_NETLINK): \(text); where a unit"
        + " has RestrictAddressFamilies, add AF_NETLINK"
    }
  }

  /// By which way this host answers whoever has an address.
  /// - Parameters:
  ///   - local: The own address that it is answered from; nil where that is not known.
  ///   - interface: The number of the interface that answers must leave by; 0 for any.
  public func way(to address: IPAddress, from local: IPAddress?, by interface: UInt32) -> Way {
    var answer = ask(.route(to: address, from: local, interface: interface))
    // An address that a listener has and no interface is none to start from.
    if case .failed = answer, local != nil {
      answer = ask(.route(to: address, from: nil, interface: interface))
    }
    guard case .message(let message) = answer, let route = RouteAnswer(message) else {
      return .unknown
    }
    return route.isOnLink ? neighbour(address, route.interface) : .routed
  }

  private func neighbour(_ address: IPAddress, _ interface: UInt32) -> Way {
    switch ask(.neighbour(address, interface: interface)) {
    case .message(let message):
      switch NeighbourAnswer(message) {
      case .known(let mac): return .onLink(mac)
      case .without: return .onLinkWithoutMAC
      case .unresolved, nil: return .unresolved
      }
    case .failed(EOPNOTSUPP): return .unsupported
    case .failed:
      // Of a link without MACs the table says nothing either.
      guard case .message(let message) = ask(.link(interface: interface)),
        message.hasMACs == false
      else { return .unresolved }
      return .onLinkWithoutMAC
    }
  }

  // MARK: Asking

  private enum Answer {
    case message(RouteMessage)
    case failed(Int32)
  }

  private func ask(_ question: RouteQuestion) -> Answer {
    state.withLock { state in
      var answer = Answer.failed(EAGAIN)
      // An answer can be lost where the socket's queue is full; by then it has been read empty.
      for _ in 0..<2 {
        state.sequence &+= 1
        let message = question.message(state.sequence)
        guard send(message) else { return .failed(errno) }
        answer = read(question.answer, &state)
        guard case .failed(EAGAIN) = answer else { break }
      }
      return answer
    }
  }

  private func send(_ message: [UInt8]) -> Bool {
    var sent: Int
    repeat {
      sent = unsafe Glibc.send(descriptor, message, message.count, 0)
    } while sent < 0 && errno == EINTR
    return sent == message.count
  }

  /// Reads up to the answer to the question that was asked last.
  private func read(_ type: Int, _ state: inout State) -> Answer {
    for _ in 0..<NeighbourTable.maximumReads {
      let count = unsafe recv(
        descriptor, &state.buffer, state.buffer.count, Int32(MSG_DONTWAIT))
      guard count > 0 else {
        if count < 0, errno == EINTR || errno == ENOBUFS { continue }
        return .failed(count < 0 ? errno : EAGAIN)
      }
      let messages = RouteMessage.all(in: state.buffer.prefix(count))
      guard let message = messages.first(where: { $0.sequence == state.sequence }) else { continue }
      if let code = message.errorCode { return .failed(code) }
      return message.type == type ? .message(message) : .failed(EPROTO)
    }
    return .failed(EAGAIN)
  }
}
