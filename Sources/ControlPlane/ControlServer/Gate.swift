import ControlAPI
import Glibc
import HTTPTypes
import Hummingbird
import Inventory
import NIOCore
import NIOSSL
import Synchronization

/// Finds out who asks, by what a listener can know of it.
enum Gate: Sendable {
  /// The kernel says who is at the other end.
  case socket(PeerRule)
  /// A token or a certificate says it.
  case network(NetworkGate)

  /// - Throws: 401, 403 or 429.
  func admit(_ request: Request, _ channel: any Channel) async throws(Problem) -> Admission {
    switch self {
    case .socket(let peers):
      let peer = await PeerRule.peer(of: channel)
      guard let peer, peers.allows(peer.uid) else {
        throw Problem(.forbidden, "this user may not use the control socket")
      }
      return Admission(principal: .localUser(peer.uid, process: peer.pid), access: nil)
    case .network(let gate): return try await gate.admit(request, channel)
    }
  }
}

/// Who was let in, and by which access; nil on the control socket.
struct Admission: Sendable {
  var principal: Principal
  var access: AccessEntry?
}

/// The gate of the control listener.
final class NetworkGate: Sendable {
  private let book: AccessBook
  private let now: @Sendable () -> Int
  private let count: @Sendable (AccessRefusal) -> Void
  private let throttle = Mutex(
    FailureThrottle(
      limit: Limits.maximumFailedAttempts, secondsPerFailure: Limits.failedAttemptSeconds,
      capacity: Limits.maximumFailedAddresses))

  /// - Parameter count: Is told what was refused.
  init(
    book: AccessBook, now: @escaping @Sendable () -> Int,
    count: @escaping @Sendable (AccessRefusal) -> Void
  ) {
    self.book = book
    self.now = now
    self.count = count
  }

  func admit(_ request: Request, _ channel: any Channel) async throws(Problem) -> Admission {
    let remote = channel.remoteAddress
    let address = NetworkGate.key(remote)
    let peer = remote.map { "\($0.ipAddress ?? "?") port \($0.port ?? 0)" }
    let headers = request.headers[values: .authorization]
    guard !headers.isEmpty else {
      let names = try await certificateNames(channel)
      guard let entry = book.holder(ofCertificate: names) else {
        throw refusal("this certificate gives no access here")
      }
      return NetworkGate.admission(entry, .certificate, peer)
    }
    if let wait = throttle.withLock({ $0.wait(for: address, now: NetworkGate.uptime()) }) {
      count(.throttled)
      var problem = Problem(
        .tooManyRequests, "too many tokens from this address were wrong; wait \(wait) seconds")
      problem.retryAfterSeconds = wait
      throw problem
    }
    guard headers.count == 1, let token = NetworkGate.token(in: headers[0]),
      let entry = book.holder(ofToken: token)
    else {
      throttle.withLock { $0.fail(address, now: NetworkGate.uptime()) }
      throw refusal("the token is not known here, was revoked, or has ended")
    }
    return NetworkGate.admission(entry, .token, peer)
  }

  /// Seconds of a clock that nobody sets: one that was set back would keep everybody waiting.
  private static func uptime() -> Int {
    var now = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec
  }

  private func certificateNames(_ channel: any Channel) async throws(Problem) -> [String] {
    let presented: NIOSSLCertificate?
    do {
      presented = try await channel.nioSSL_peerCertificate().get()
    } catch {
      presented = nil
    }
    guard let presented else {
      throw refusal(
        "send 'Authorization: Bearer TOKEN' (a command's --token-file; `nameplate access create` makes "
          + "one), or show a client certificate"
      )
    }
    guard let certificate = ClientCertificate(presented), certificate.isValid(now: now()) else {
      throw refusal("the client certificate cannot be read, or is not valid now")
    }
    return certificate.names
  }

  private static func admission(_ entry: AccessEntry, _ kind: Author.Kind, _ peer: String?)
    -> Admission
  {
    Admission(
      principal: Principal(
        author: Author(kind, entry.name, peer: peer), role: entry.role, project: entry.project),
      access: entry)
  }

  /// A 401, which is counted.
  private func refusal(_ detail: String) -> Problem {
    count(.unauthorized)
    return Problem(.unauthorized, detail)
  }

  private static func token(in header: String) -> String? {
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer",
      parts[1].utf8.count <= Limits.maximumBearerBytes
    else { return nil }
    return String(parts[1])
  }

  /// What failures are counted by: an IPv4 address, or the 64 bits of an IPv6 network, whose owner
  /// has all addresses in it.
  static func key(_ address: SocketAddress?) -> String {
    let text = address?.ipAddress ?? ""
    guard case .v6(let network, _) = IPAddress(text) else { return text }
    return String(network, radix: 16)
  }
}
