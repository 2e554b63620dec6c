import GuestServer
import HostNetwork
public import Inventory
import Logging
import ServiceLifecycle
import Synchronization

/// A listener in a namespace, as an operator may see it.
public struct NamespaceListenerStatus: Sendable, Hashable {
  public enum State: String, Sendable, CaseIterable {
    case listening
    /// To be tried, or tried again.
    case waiting
    /// There is no namespace of that name.
    case missing
    case refused
    /// Its last connections are being finished.
    case closing
  }
  /// The namespace's name.
  public var namespace: String
  public var network: NetworkID?
  public var address: IPAddress
  public var port: Int
  public var device: String?
  public var state: State
  /// Why it does not listen, in words.
  public var reason: String?
}

/// Keeps a listener in each namespace that a rule is for, while namespaces come and go.
final class NamespaceListeners: Service {
  private typealias Slots = NamespaceSlots<ListenerID>

  private struct State {
    var slots = Slots()
    /// Names that rules wait for.
    var missing: Set<String> = []
    var hasTold = false
  }

  private let rules: [NamespaceRule]
  private let watcher: NamespaceWatcher
  private let listeners: ListenerSet
  private let links: GuestLinks
  private let inherited: InheritedListeners
  private let mayListen: @Sendable () async -> Void
  private let logger: Logger
  private let onReady: @Sendable () -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - listeners: Where what is opened is served.
  ///   - inherited: Sockets that are open already.
  ///   - mayListen: Returns when they, and others in their place, are to be listened at.
  ///   - onReady: Called once, when every namespace that was there at the start has been tried.
  init(
    rules: [NamespaceRule], watcher: NamespaceWatcher = NamespaceWatcher(),
    listeners: ListenerSet, links: GuestLinks,
    inherited: InheritedListeners = InheritedListeners(),
    mayListen: @escaping @Sendable () async -> Void = {}, logger: Logger,
    onReady: @escaping @Sendable () -> Void
  ) {
    self.rules = rules
    self.watcher = watcher
    self.listeners = listeners
    self.links = links
    self.inherited = inherited
    self.mayListen = mayListen
    self.logger = logger
    self.onReady = onReady
  }

  /// Works until a graceful shutdown. What is open then is closed by the server.
  func run() async throws {
    let scans = try watcher.scans()
    await cancelWhenGracefulShutdown {
      await self.mayListen()
      await self.follow(scans)
    }
  }

  private func follow(_ scans: AsyncStream<NamespaceScan>) async {
    let (events, event) = AsyncStream<Slots.Event>.makeStream()
    await withDiscardingTaskGroup { group in
      group.addTask {
        var problem: String?
        for await scan in scans {
          self.note(scan, &problem)
          event.yield(.wished(NamespacePlan.wishes(self.rules, scan)))
        }
      }
      for await next in events {
        let (actions, isReady) = self.state.withLock { state in
          let actions = state.slots.handle(next)
          let isReady = !state.hasTold && state.slots.isSettled
          if isReady { state.hasTold = true }
          return (actions, isReady)
        }
        if isReady { self.onReady() }
        for action in actions {
          if case .tell(let key, let reason) = action {
            self.tell(key, reason)
          } else {
            group.addTask { await self.perform(action, event) }
          }
        }
      }
      group.cancelAll()
    }
  }

  /// Says what a look at the directory shows beside namespaces.
  private func note(_ scan: NamespaceScan, _ problem: inout String?) {
    if let new = scan.problem, new != problem { logger.warning("\(new)") }
    problem = scan.problem
    let names = Set(rules.compactMap(\.namespaces.name))
    let missing = names.filter { scan.namespaces[$0] == nil }
    let new = state.withLock { state in
      defer { state.missing = missing }
      return missing.subtracting(state.missing)
    }
    for name in new.sorted() {
      logger.info("waiting for a namespace to be made", metadata: ["netns": "\(name)"])
    }
  }

  // MARK: Performing

  private func perform(
    _ action: Slots.Action, _ event: AsyncStream<Slots.Event>.Continuation
  ) async {
    switch action {
    case .open(let key, let token, let identity, let network):
      do {
        let id = try await open(key, identity, network) {
          event.yield(.lost(key, token: token))
        }
        event.yield(.opened(key, token: token, id, identity))
      } catch let error as NamespaceSocketError {
        event.yield(.failed(key, token: token, reason: error.isOutdated ? nil : error.words))
      } catch {
        event.yield(.failed(key, token: token, reason: "\(error)"))
      }
    case .close(let key, let id):
      await listeners.remove(id)
      logger.info("listener in a namespace closed", metadata: metadata(key))
      event.yield(.closed(key))
    case .wait(let key, let token, let milliseconds):
      try? await Task.sleep(for: .milliseconds(milliseconds))
      event.yield(.retry(key, token: token))
    case .tell: break
    }
  }

  private func open(
    _ key: NamespaceKey, _ identity: NamespaceIdentity, _ network: NetworkID,
    onLost: @escaping @Sendable () -> Void
  ) async throws -> ListenerID {
    let rule = rules[key.rule]
    let socket = try await NamespaceSocket.open(
      NamespaceSocket.Request(
        namespace: key.namespace, directory: watcher.directory, address: rule.address,
        port: rule.port, device: rule.device, expected: identity,
        inherited: inherited.take(rule, in: identity)))
    let (descriptor, neighbours) = socket.take()
    let id = try await listeners.add(
      ListenerConfiguration(
        address: rule.address, port: rule.port, device: rule.device, network: network,
        fileDescriptor: descriptor, namespace: key.namespace),
      onLost: onLost, links: links.lookup(in: neighbours))
    logger.info("listening for guests", metadata: metadata(key))
    return id
  }

  private func tell(_ key: NamespaceKey, _ reason: String) {
    logger.warning("no listener in a namespace: \(reason)", metadata: metadata(key))
  }

  private func metadata(_ key: NamespaceKey) -> Logger.Metadata {
    let rule = rules[key.rule]
    let listener = ListenerConfiguration(
      address: rule.address, port: rule.port, device: rule.device)
    return [
      "netns": "\(key.namespace)", "listener": "\(listener)",
      "network": "\(rule.network(of: key.namespace)?.text ?? "")",
    ]
  }

  // MARK: State

  /// Every listener that the rules ask for, in the order of the namespaces' names.
  var statuses: [NamespaceListenerStatus] {
    let (slots, missing) = state.withLock { ($0.slots.slots, $0.missing) }
    let there = slots.sorted { $0.key < $1.key }.map { key, slot in
      status(of: rules[key.rule], in: key.namespace, slot.phase.state, slot.reason)
    }
    let absent = rules.compactMap { rule in
      rule.namespaces.name.flatMap { name in
        missing.contains(name) ? status(of: rule, in: name, .missing, nil) : nil
      }
    }
    return there + absent
  }

  private func status(
    of rule: NamespaceRule, in namespace: String, _ state: NamespaceListenerStatus.State,
    _ reason: String?
  ) -> NamespaceListenerStatus {
    NamespaceListenerStatus(
      namespace: namespace, network: rule.network(of: namespace), address: rule.address,
      port: rule.port, device: rule.device, state: state, reason: reason)
  }
}

extension NamespaceSlots.Phase {
  fileprivate var state: NamespaceListenerStatus.State {
    switch self {
    case .refused: .refused
    case .queued, .opening, .waiting: .waiting
    case .listening: .listening
    case .closing: .closing
    }
  }
}
