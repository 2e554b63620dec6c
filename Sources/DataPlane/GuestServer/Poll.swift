import CEventLoop
import Glibc

/// What the kernel is asked to tell of, and what it has told: epoll(7).
@safe
struct Poll: ~Copyable {
  /// What the kernel gives back with an event.
  struct Key: Sendable, Hashable {
    let descriptor: CInt
    /// Tells a connection from the next one that has its descriptor; 0 for what is no connection.
    let number: UInt32

    init(descriptor: CInt, number: UInt32) {
      self.descriptor = descriptor
      self.number = number
    }

    fileprivate init(_ bits: UInt64) {
      descriptor = CInt(truncatingIfNeeded: bits)
      number = UInt32(truncatingIfNeeded: bits >> 32)
    }

    fileprivate var bits: UInt64 { UInt64(number) << 32 | UInt64(UInt32(bitPattern: descriptor)) }
  }

  struct Events: OptionSet, Sendable, Hashable {
    let rawValue: UInt32

    static let input = Events(rawValue: EPOLLIN.rawValue)
    static let output = Events(rawValue: EPOLLOUT.rawValue)
    /// The other end sends nothing more.
    static let inputEnd = Events(rawValue: EPOLLRDHUP.rawValue)
    /// Neither end sends anything more.
    static let hangup = Events(rawValue: EPOLLHUP.rawValue)
    /// The connection is broken.
    static let error = Events(rawValue: EPOLLERR.rawValue)
    /// Each change is told once, instead of for as long as it lasts.
    static let changesOnly = Events(rawValue: EPOLLET.rawValue)
    /// One thread is woken, not all that wait.
    static let oneThread = Events(rawValue: EPOLLEXCLUSIVE.rawValue)
  }

  private static let maximumEvents = 256

  private let descriptor: CInt
  private let events: UnsafeMutableBufferPointer<epoll_event>

  /// - Parameter descriptor: From `epoll_create1`; it is not closed here.
  init(descriptor: CInt) {
    self.descriptor = descriptor
    unsafe events = .allocate(capacity: Poll.maximumEvents)
    unsafe events.initialize(repeating: epoll_event())
  }

  deinit { unsafe events.deallocate() }

  /// Waits for events.
  /// - Parameter milliseconds: -1 for as long as it takes.
  /// - Returns: How many there are; none where the time is up.
  func wait(_ milliseconds: CInt) -> Int {
    let count = unsafe epoll_wait(
      descriptor, events.baseAddress, CInt(Poll.maximumEvents), milliseconds)
    // It fails only where a signal came between.
    return max(0, Int(count))
  }

  /// One of the events that the last wait has counted.
  subscript(index: Int) -> (Key, Events) {
    let event = unsafe events[index]
    return unsafe (Key(event.data.u64), Events(rawValue: event.events))
  }

  /// - Returns: False where the system has no room for it.
  @discardableResult
  func add(_ key: Key, _ events: Events) -> Bool { control(EPOLL_CTL_ADD, key, events) }

  @discardableResult
  func change(_ key: Key, _ events: Events) -> Bool { control(EPOLL_CTL_MOD, key, events) }

  /// Only needed for what others hold open too: the rest goes as it is closed.
  func remove(_ socket: CInt) {
    _ = control(EPOLL_CTL_DEL, Key(descriptor: socket, number: 0), [])
  }

  private func control(_ operation: CInt, _ key: Key, _ events: Events) -> Bool {
    var event = unsafe epoll_event(
      events: events.rawValue, data: epoll_data_t(u64: key.bits))
    return unsafe epoll_ctl(descriptor, operation, key.descriptor, &event) == 0
  }
}
