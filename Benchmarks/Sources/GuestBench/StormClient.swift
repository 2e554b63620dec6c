import CEpoll
import Foundation
import Glibc
import Synchronization

/// Guests that boot: each asks for one thing after the other, each on a connection of its own from its
/// own address, which it closes when it has its answer.
final class StormClient {
  private struct Boot {
    var next = 0
    var due = 0
    var descriptor: Int32 = -1
    var isSent = false
    var received = 0
    var status = 0
    /// Bytes of the whole answer, as its head says.
    var announced = 0
  }

  struct Outcome {
    /// Microseconds from when a request was due to its answer's last byte, one a request.
    var latencies: [Int32] = []
    /// How much of that went by before its connection was opened.
    var lateness: [Int32] = []
    /// By what went wrong.
    var failures: [String: Int] = [:]
    var seconds = 0.0
    /// Of one core, all threads of the client.
    var busy = 0.0

    mutating func add(_ other: Outcome) {
      latencies += other.latencies
      lateness += other.lateness
      failures.merge(other.failures, uniquingKeysWith: +)
    }
  }

  /// A request's bytes, between which stand some of the guest's own.
  private struct Request {
    var parts: [[UInt8]]
    var owns: [Int]
  }

  /// More would be asked of the system's limit than this is about.
  private static let maximumOpen = 20_000
  /// So that answers are not left lying while others begin.
  private static let beginningsOfTurn = 2
  /// With one, guests would wait for one another in the client.
  private static let threads = 2

  private let steps: [BootWalk.Step]
  private let requests: [Request]
  private let owns: [[[UInt8]]]
  private let port: UInt16
  private let poll: Int32
  private let pace: StormPace
  /// Whom this one plays: every so manieth guest.
  private let guests: [Int]
  /// By guest.
  private var boots: [Boot]
  private var queue = DueQueue()
  private var open = 0
  private var left: Int
  private var outcome = Outcome()
  private var buffer = [UInt8](repeating: 0, count: 256 * 1024)

  private init(_ thread: Int, _ pace: StormPace, _ walk: BootWalk, _ server: Server) throws {
    let count = pace.starts.count
    guests = Array(stride(from: thread, to: count, by: StormClient.threads))
    steps = walk.steps
    owns = (0..<count).map {
      StormClient.own(of: GuestTown.Guest(number: $0)).map { Array($0.utf8) }
    }
    let marks = server.isSameForAll ? [] : StormClient.own(of: walk.guest)
    requests = walk.steps.map { StormClient.request(BootWalk.head($0.path), marks) }
    port = server.port
    self.pace = pace
    boots = [Boot](repeating: Boot(), count: count)
    left = guests.count
    poll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard poll >= 0 else { throw BenchError("no epoll") }
    outcome.latencies.reserveCapacity(guests.count * walk.steps.count)
    outcome.lateness.reserveCapacity(guests.count * walk.steps.count)
  }

  deinit { close(poll) }

  private static func own(of guest: GuestTown.Guest) -> [String] {
    let (front, back, floating) = StormTown.own(of: guest)
    return [front, back, floating]
  }

  private static func request(_ text: String, _ marks: [String]) -> Request {
    let found = marks.enumerated().compactMap { own, mark in
      text.firstRange(of: mark).map { (range: $0, own: own) }
    }.min { $0.range.lowerBound < $1.range.lowerBound }
    guard let found else { return Request(parts: [Array(text.utf8)], owns: []) }
    let rest = request(String(text[found.range.upperBound...]), marks)
    return Request(
      parts: [Array(text[..<found.range.lowerBound].utf8)] + rest.parts,
      owns: [found.own] + rest.owns)
  }

  private func bytes(of request: Request, for guest: Int) -> [UInt8] {
    guard !request.owns.isEmpty else { return request.parts[0] }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(512)
    for (place, own) in request.owns.enumerated() {
      bytes += request.parts[place]
      bytes += owns[guest][own]
    }
    return bytes + request.parts[request.owns.count]
  }

  private static func raiseOpenFiles(to count: Int) throws {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    unsafe getrlimit(resource, &limit)
    guard limit.rlim_cur < count else { return }
    limit.rlim_cur = rlim_t(count)
    limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
    guard unsafe setrlimit(resource, &limit) == 0 else {
      throw BenchError("\(count) open files are needed; raise the limit (ulimit -n)")
    }
  }

  private static func microseconds(_ clock: clockid_t = CLOCK_MONOTONIC) -> Int {
    var now = timespec()
    unsafe clock_gettime(clock, &now)
    return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
  }

  /// Has all guests boot.
  static func run(_ pace: StormPace, walking walk: BootWalk, at server: Server) throws -> Outcome {
    try raiseOpenFiles(to: min(pace.starts.count, maximumOpen) + 64)
    let clients = try (0..<threads).map { Box(try StormClient($0, pace, walk, server)) }
    let ended = Mutex<[Result<Outcome, any Error>]>([])
    let used = microseconds(CLOCK_PROCESS_CPUTIME_ID)
    let start = microseconds()
    for box in clients {
      Thread.detachNewThread {
        let result = Result { try box.client.play(from: start) }
        ended.withLock { $0.append(result) }
      }
    }
    while ended.withLock({ $0.count < threads }) { pause(milliseconds: 20) }
    let elapsed = Double(microseconds() - start)
    var outcome = Outcome(
      seconds: elapsed / 1e6,
      busy: Double(microseconds(CLOCK_PROCESS_CPUTIME_ID) - used) / max(1, elapsed))
    for result in ended.withLock({ $0 }) { outcome.add(try result.get()) }
    return outcome
  }

  /// A client on its way to the one thread that uses it.
  private final class Box: @unchecked Sendable {
    let client: StormClient
    init(_ client: StormClient) { self.client = client }
  }

  private func play(from start: Int) throws -> Outcome {
    bench_wake_on_time()
    for guest in guests { queue.push(guest, due: start + pace.starts[guest]) }
    var events = unsafe [epoll_event](repeating: epoll_event(), count: 1024)
    var heard = start
    while left > 0 {
      try Interrupt.check()
      var now = StormClient.microseconds()
      for _ in 0..<StormClient.beginningsOfTurn {
        guard let (due, guest) = queue.first, due <= now,
          open < StormClient.maximumOpen / StormClient.threads
        else { break }
        queue.removeFirst()
        begin(guest, due, now)
        now = StormClient.microseconds()
      }
      var wait = 5_000_000
      if let first = queue.first, open < StormClient.maximumOpen / StormClient.threads {
        wait = max(0, first.due - now)
      }
      var timeout = timespec(tv_sec: wait / 1_000_000, tv_nsec: wait % 1_000_000 * 1000)
      let count = unsafe epoll_pwait2(poll, &events, Int32(events.count), &timeout, nil)
      for place in 0..<max(0, Int(count)) {
        happened(unsafe Int(truncatingIfNeeded: events[place].data.u64))
      }
      if count > 0 || open == 0 { heard = now }
      // By then cloud-init has given up.
      if now - heard > 10_000_000 {
        for guest in guests where boots[guest].descriptor >= 0 {
          finish(guest, "no answer for 10 s")
        }
        heard = now
      }
    }
    return outcome
  }

  private func begin(_ guest: Int, _ due: Int, _ now: Int) {
    outcome.lateness.append(Int32(clamping: now - due))
    let step = boots[guest].next
    boots[guest] = Boot(next: step, due: due)
    open += 1
    guard let descriptor = HTTPProbe.begin(port: port, from: GuestTown.Guest(number: guest).address)
    else { return finish(guest, "not opened: \(errno)") }
    boots[guest].descriptor = descriptor
    // On loopback it is mostly open by now.
    guard trySend(guest) else { return finish(guest, "not sent: \(errno)") }
    let interest =
      boots[guest].isSent ? EPOLLIN.rawValue : EPOLLIN.rawValue | EPOLLOUT.rawValue
    var event = unsafe epoll_event(
      events: interest | EPOLLET.rawValue, data: epoll_data_t(u64: UInt64(guest)))
    guard unsafe epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
      return finish(guest, "not watched: \(errno)")
    }
  }

  /// - Returns: False where the connection is of no use.
  private func trySend(_ guest: Int) -> Bool {
    let request = bytes(of: requests[boots[guest].next], for: guest)
    let sent = unsafe send(
      boots[guest].descriptor, request, request.count, Int32(MSG_NOSIGNAL))
    if sent < 0, errno == EAGAIN { return true }
    boots[guest].isSent = sent == request.count
    return boots[guest].isSent
  }

  private func happened(_ guest: Int) {
    let descriptor = boots[guest].descriptor
    guard descriptor >= 0 else { return }
    if !boots[guest].isSent {
      guard trySend(guest) else { return finish(guest, "not sent: \(errno)") }
      guard boots[guest].isSent else { return }
    }
    while true {
      let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else {
        if count < 0, errno == EAGAIN { return }
        return finish(guest, count < 0 ? "not read: \(errno)" : "closed early")
      }
      if boots[guest].received == 0 { readHead(count, of: guest) }
      boots[guest].received += count
      let boot = boots[guest]
      if boot.received >= boot.announced {
        let isRight = boot.status == steps[boot.next].status && boot.received == boot.announced
        return finish(guest, isRight ? nil : "answered \(boot.status)")
      }
    }
  }

  /// Reads what matters of a head, which comes in one piece.
  private func readHead(_ count: Int, of guest: Int) {
    guard count > 12, let end = place(of: "\r\n\r\n", in: count),
      let field = place(of: "\r\nContent-Length: ", in: end)
    else { return }
    let digits = buffer[(field + 18)..<end].prefix { $0 != 13 }
    boots[guest].status = buffer[9..<12].reduce(0) { $0 * 10 + Int($1) - 48 }
    boots[guest].announced = end + 4 + digits.reduce(0) { $0 * 10 + Int($1) - 48 }
  }

  private func place(of text: StaticString, in count: Int) -> Int? {
    unsafe buffer.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress,
        let found = unsafe bench_find(start, count, text.utf8Start, text.utf8CodeUnitCount)
      else { return nil }
      return unsafe found - start
    }
  }

  private func finish(_ guest: Int, _ failure: String?) {
    let now = StormClient.microseconds()
    if boots[guest].descriptor >= 0 { close(boots[guest].descriptor) }
    boots[guest].descriptor = -1
    open -= 1
    outcome.latencies.append(Int32(clamping: now - boots[guest].due))
    if let failure { outcome.failures[failure, default: 0] += 1 }
    boots[guest].next += 1
    if boots[guest].next < steps.count {
      queue.push(guest, due: now + pace.gaps[boots[guest].next])
    } else {
      left -= 1
    }
  }
}
