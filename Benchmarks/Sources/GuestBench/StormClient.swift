import CEpoll
import Foundation
import Glibc

/// Guests that all boot at once: each asks for one thing after the other, each on a connection of its
/// own from its own address. One thread, so that it takes no more of the machine than wrk.
final class StormClient {
  private struct Boot {
    let guest: GuestTown.Guest
    var next = 0
    var descriptor: Int32 = -1
    var isSent = false
    var received = 0
    var status = 0
    /// Bytes of the whole answer, as its head says.
    var announced = 0
    var began = 0
  }

  struct Outcome {
    /// Microseconds from opening a connection to its last byte, one a request.
    var latencies: [Int32] = []
    var failures = 0
    var seconds = 0.0
  }

  private let steps: [BootWalk.Step]
  private let requests: [[UInt8]]
  /// What stands before and after a guest's own MAC.
  private let pathsWithMAC: [Int: (Substring, Substring)]
  private let port: UInt16
  private let poll: Int32
  private var boots: [Boot]
  private var left: Int
  private var outcome = Outcome()
  private var buffer = [UInt8](repeating: 0, count: 256 * 1024)

  init(_ guests: Int, walking walk: BootWalk, at server: Server) throws {
    let port = server.port
    steps = walk.steps
    requests = walk.steps.map { StormClient.request($0.path, port) }
    let mac = MillionTown.mac(of: walk.guest)
    pathsWithMAC = Dictionary(
      uniqueKeysWithValues: walk.steps.enumerated().compactMap { index, step in
        guard !server.isSameForAll, let range = step.path.firstRange(of: mac) else { return nil }
        return (index, (step.path[..<range.lowerBound], step.path[range.upperBound...]))
      })
    self.port = port
    boots = (0..<guests).map { Boot(guest: GuestTown.Guest(number: $0)) }
    left = guests
    poll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard poll >= 0 else { throw BenchError("no epoll") }
    try StormClient.raiseOpenFiles(to: guests + 1024)
    outcome.latencies.reserveCapacity(guests * walk.steps.count)
  }

  deinit { close(poll) }

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

  /// - Parameter together: How many guests boot at a time.
  func run(together: Int? = nil) throws -> Outcome {
    let start = StormClient.microseconds()
    var waiting = boots.indices.dropFirst(together ?? boots.count)
    for index in boots.indices.prefix(together ?? boots.count) { open(index, start) }
    var events = unsafe [epoll_event](repeating: epoll_event(), count: 1024)
    while left > 0 {
      try Interrupt.check()
      let count = unsafe epoll_wait(poll, &events, Int32(events.count), 5000)
      guard count != 0 else {
        throw BenchError("\(left) guests wait for answers, and none comes for 5 s")
      }
      for place in 0..<max(0, Int(count)) {
        let index = unsafe Int(truncatingIfNeeded: events[place].data.u64)
        let wasLeft = left
        happened(index)
        if left < wasLeft, let next = waiting.popFirst() {
          open(next, StormClient.microseconds())
        }
      }
    }
    outcome.seconds = Double(StormClient.microseconds() - start) / 1e6
    return outcome
  }

  private static func microseconds() -> Int {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
  }

  private func open(_ index: Int, _ now: Int) {
    boots[index].began = now
    boots[index].isSent = false
    boots[index].received = 0
    boots[index].status = 0
    guard let descriptor = HTTPProbe.begin(port: port, from: boots[index].guest.address) else {
      return finish(index, isRight: false)
    }
    boots[index].descriptor = descriptor
    var event = unsafe epoll_event(
      events: EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLET.rawValue,
      data: epoll_data_t(u64: UInt64(index)))
    guard unsafe epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
      return finish(index, isRight: false)
    }
  }

  private static func request(_ path: String, _ port: UInt16) -> [UInt8] {
    Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n".utf8)
  }

  private func request(of index: Int) -> [UInt8] {
    let boot = boots[index]
    guard let (before, after) = pathsWithMAC[boot.next] else { return requests[boot.next] }
    return StormClient.request("\(before)\(MillionTown.mac(of: boot.guest))\(after)", port)
  }

  private func happened(_ index: Int) {
    let descriptor = boots[index].descriptor
    guard descriptor >= 0 else { return }
    if !boots[index].isSent {
      let request = request(of: index)
      let sent = unsafe send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
      if sent < 0, errno == EAGAIN { return }
      guard sent == request.count else { return finish(index, isRight: false) }
      boots[index].isSent = true
    }
    while true {
      let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 {
        if boots[index].received == 0 { readHead(count, of: index) }
        boots[index].received += count
      } else if count == 0 {
        let step = steps[boots[index].next]
        return finish(
          index,
          isRight: boots[index].status == step.status
            && boots[index].received == boots[index].announced)
      } else if errno == EAGAIN {
        return
      } else {
        return finish(index, isRight: false)
      }
    }
  }

  /// Reads what matters of a head, which comes in one piece.
  private func readHead(_ count: Int, of index: Int) {
    guard count > 12, let end = place(of: "\r\n\r\n", in: count),
      let field = place(of: "\r\nContent-Length: ", in: end)
    else { return }
    let digits = buffer[(field + 18)..<end].prefix { $0 != 13 }
    boots[index].status = buffer[9..<12].reduce(0) { $0 * 10 + Int($1) - 48 }
    boots[index].announced = end + 4 + digits.reduce(0) { $0 * 10 + Int($1) - 48 }
  }

  private func place(of text: StaticString, in count: Int) -> Int? {
    unsafe buffer.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress,
        let found = unsafe bench_find(start, count, text.utf8Start, text.utf8CodeUnitCount)
      else { return nil }
      return unsafe found - start
    }
  }

  private func finish(_ index: Int, isRight: Bool) {
    if boots[index].descriptor >= 0 { close(boots[index].descriptor) }
    boots[index].descriptor = -1
    let now = StormClient.microseconds()
    outcome.latencies.append(Int32(clamping: now - boots[index].began))
    if !isRight { outcome.failures += 1 }
    boots[index].next += 1
    if boots[index].next < steps.count { open(index, now) } else { left -= 1 }
  }
}
