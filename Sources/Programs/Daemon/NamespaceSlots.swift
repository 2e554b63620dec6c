import HostNetwork
import Inventory

/// Brings the sockets that there are to those that there should be: events in, actions out.
///
/// Which namespace a name stands for is taken from the latest look at the directory, and each
/// socket carries the namespace that it is really in. Where the two differ the socket goes first;
/// a new one is opened when it and its connections are gone. That comparison is safe although the
/// kernel uses inode numbers again: while a socket is open here its namespace cannot end, so no
/// other one can have its number. What is not open is never compared, only opened by name.
struct NamespaceSlots<Handle: Sendable & Hashable>: Sendable {
  enum Event: Sendable {
    /// What should be, after each look.
    case wished([NamespaceKey: NamespaceWish])
    case opened(NamespaceKey, token: Int, Handle, NamespaceIdentity)
    /// The reason is nil where the name has just changed, and the next look says how.
    case failed(NamespaceKey, token: Int, reason: String?)
    /// The socket has closed by itself.
    case lost(NamespaceKey, token: Int)
    /// The socket and its connections are gone, as was asked.
    case closed(NamespaceKey)
    case retry(NamespaceKey, token: Int)
  }

  /// Each is answered by an event, save `tell`.
  enum Action: Sendable, Hashable {
    case open(NamespaceKey, token: Int, NamespaceIdentity, NetworkID)
    case close(NamespaceKey, Handle)
    case wait(NamespaceKey, token: Int, milliseconds: Int)
    /// Something that an operator should know, once.
    case tell(NamespaceKey, String)
  }

  enum Phase: Sendable, Hashable {
    case refused
    case queued
    case opening(NamespaceIdentity, isLost: Bool)
    case waiting(NamespaceIdentity)
    case listening(Handle, NamespaceIdentity)
    case closing
  }

  struct Slot: Sendable, Hashable {
    var phase = Phase.queued
    var token = 0
    var failures = 0
    /// Why it does not listen.
    var reason: String?
    /// The reason that was told last.
    var told: String?
  }

  /// Each opening has a thread for its short life.
  static var maximumOpenings: Int { 64 }
  static var shortestWaitMilliseconds: Int { 50 }
  static var longestWaitMilliseconds: Int { 2000 }
  /// A namespace gets its interfaces one after another: what is there at the third try is not
  /// worth a line.
  static var quietFailures: Int { 2 }

  private(set) var slots: [NamespaceKey: Slot] = [:]
  private(set) var wishes: [NamespaceKey: NamespaceWish] = [:]
  private var queue: [NamespaceKey] = []
  private var openings = 0
  private var lastToken = 0
  private var hasWishes = false

  /// Whether each socket that was wished for has been tried.
  var isSettled: Bool { hasWishes && openings == 0 && queue.isEmpty }

  mutating func handle(_ event: Event) -> [Action] {
    var actions: [Action] = []
    switch event {
    case .wished(let new):
      let keys = Set(wishes.keys).union(new.keys).union(slots.keys).sorted()
      wishes = new
      hasWishes = true
      for key in keys { settle(key, &actions) }
    case .opened(let key, let token, let handle, let identity):
      openings -= 1
      opened(key, token, handle, identity, &actions)
    case .failed(let key, let token, let reason):
      openings -= 1
      failed(key, token, reason, &actions)
    case .lost(let key, let token): lost(key, token, &actions)
    case .closed(let key):
      slots[key] = nil
      settle(key, &actions)
    case .retry(let key, let token):
      if let slot = slots[key], slot.token == token, case .waiting = slot.phase {
        enqueue(key)
      }
    }
    // What is to go goes first.
    return actions.filter(\.isClosing) + actions.filter { !$0.isClosing } + startOpenings()
  }

  private mutating func settle(_ key: NamespaceKey, _ actions: inout [Action]) {
    let wish = wishes[key]
    guard let slot = slots[key] else {
      if wish != nil { begin(key, &actions) }
      return
    }
    switch (slot.phase, wish) {
    case (.listening(_, let identity), .listen(let wished, _)) where identity == wished: break
    case (.listening(let handle, _), _): close(key, handle, &actions)
    case (.waiting(let identity), .listen(let wished, _)) where identity == wished: break
    case (.refused, .refused(_, let reason)): tell(key, reason, &actions)
    case (.waiting, _), (.refused, _):
      slots[key] = nil
      if wish != nil { begin(key, &actions) }
    case (.queued, .listen): break
    case (.queued, _):
      queue.removeAll { $0 == key }
      slots[key] = nil
      if wish != nil { begin(key, &actions) }
    case (.opening, _), (.closing, _): break
    }
  }

  private mutating func begin(_ key: NamespaceKey, _ actions: inout [Action]) {
    slots[key] = Slot()
    guard case .refused(_, let reason) = wishes[key] else { return enqueue(key) }
    slots[key]?.phase = .refused
    tell(key, reason, &actions)
  }

  private mutating func enqueue(_ key: NamespaceKey) {
    slots[key]?.phase = .queued
    queue.append(key)
  }

  private mutating func startOpenings() -> [Action] {
    var actions: [Action] = []
    while openings < Self.maximumOpenings, !queue.isEmpty {
      let key = queue.removeFirst()
      guard case .listen(let identity, let network) = wishes[key] else { continue }
      lastToken += 1
      slots[key]?.token = lastToken
      slots[key]?.phase = .opening(identity, isLost: false)
      openings += 1
      actions.append(.open(key, token: lastToken, identity, network))
    }
    return actions
  }

  private mutating func opened(
    _ key: NamespaceKey, _ token: Int, _ handle: Handle, _ identity: NamespaceIdentity,
    _ actions: inout [Action]
  ) {
    guard case .opening(_, let isLost) = slots[key]?.phase, !isLost,
      case .listen(identity, _) = wishes[key]
    else { return close(key, handle, &actions) }
    slots[key] = Slot(phase: .listening(handle, identity), token: token)
  }

  private mutating func failed(
    _ key: NamespaceKey, _ token: Int, _ reason: String?, _ actions: inout [Action]
  ) {
    guard let slot = slots[key], case .opening(let identity, _) = slot.phase,
      case .listen(identity, _) = wishes[key]
    else {
      // Meanwhile something else is wanted, or nothing.
      slots[key] = nil
      return settle(key, &actions)
    }
    slots[key]?.phase = .waiting(identity)
    slots[key]?.failures += 1
    slots[key]?.reason = reason ?? slot.reason
    if let reason, slot.failures >= Self.quietFailures { tell(key, reason, &actions) }
    let doublings = min(slot.failures, 6)
    actions.append(
      .wait(
        key, token: token,
        milliseconds: min(
          Self.longestWaitMilliseconds, Self.shortestWaitMilliseconds << doublings)))
  }

  private mutating func lost(_ key: NamespaceKey, _ token: Int, _ actions: inout [Action]) {
    guard let slot = slots[key], slot.token == token else { return }
    switch slot.phase {
    case .opening(let identity, _): slots[key]?.phase = .opening(identity, isLost: true)
    case .listening(let handle, _):
      tell(key, "the listener closed by itself and is opened again", &actions)
      close(key, handle, &actions)
    case .refused, .queued, .waiting, .closing: break
    }
  }

  private mutating func close(
    _ key: NamespaceKey, _ handle: Handle, _ actions: inout [Action]
  ) {
    slots[key, default: Slot()].phase = .closing
    actions.append(.close(key, handle))
  }

  private mutating func tell(
    _ key: NamespaceKey, _ reason: String, _ actions: inout [Action]
  ) {
    slots[key]?.reason = reason
    guard slots[key]?.told != reason else { return }
    slots[key]?.told = reason
    actions.append(.tell(key, reason))
  }
}

extension NamespaceSlots.Action {
  var isClosing: Bool { if case .close = self { true } else { false } }
}
