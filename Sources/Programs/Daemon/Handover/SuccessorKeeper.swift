import Foundation
import GuestServer
import HostNetwork
import Logging
import MetadataService
import SQLiteStore
import ServiceLifecycle

/// Makes way for a daemon that is started on the same state directory to take this one's place.
///
/// Guests are answered from memory meanwhile, and this daemon goes on where the other one ends
/// before it is prepared to serve. Only one of them accepts connections at a time: who comes in between
/// waits in the kernel's queue, which belongs to the sockets and not to a daemon.
struct SuccessorKeeper: Service {
  let stateDirectory: String
  let store: SQLiteStore
  let catalog: LiveCatalog
  let guests: ListenerSet
  let logger: Logger
  /// Where this daemon takes another one's place itself: when that one has given it up.
  let mayListen: @Sendable () async -> Void
  /// Told once this daemon is to end.
  let isReplaced: Occurrence

  /// A daemon asks as soon as it is connected.
  private static let patience = Duration.seconds(10)
  /// Between looks for what the successor has written, for guests that are still held here.
  private static let followInterval = Duration.milliseconds(50)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await mayListen()
      guard !Task.isCancelled, let listener = listen() else { return await pause() }
      while let successor = await listener.accept() {
        guard await handOver(to: successor) else { continue }
        return await follow(successor)
      }
      listener.remove()
      await pause()
    }
  }

  private func listen() -> FileListener? {
    do {
      return try FileListener(path: HandoverWord.path(in: stateDirectory))
    } catch {
      logger.warning(
        "no daemon can take this one's place while it runs", metadata: ["reason": "\(error)"])
      return nil
    }
  }

  /// Until this service is told to stop.
  private func pause() async { await Occurrence().wait() }

  /// - Returns: Whether the other daemon is the one now.
  private func handOver(to successor: FileConnection) async -> Bool {
    guard await asks(successor) else { return false }
    let process = "process \(successor.process)"
    logger.notice("handing over", metadata: ["to": "\(process)"])
    let lock = await store.beginHandover(
      because: "This daemon is being replaced by \(process), which takes writes once it serves; "
        + "try again in a moment")
    let sockets = ListeningSocket.all()
    defer { for socket in sockets { close(socket.descriptor) } }
    do {
      try await successor.say(.lock, files: lock.map { [$0] } ?? [])
      let descriptors = sockets.map(\.descriptor)
      for start in stride(from: 0, to: descriptors.count, by: FileConnection.maximumFiles) {
        let end = min(start + FileConnection.maximumFiles, descriptors.count)
        try await successor.say(.listeners, files: Array(descriptors[start..<end]))
      }
      try await successor.say(.complete)
      if let word = try await successor.hear()?.word, word == .prepared {
        await release(successor)
        return true
      }
    } catch {
      logger.debug("handing over failed", metadata: ["reason": "\(error)"])
    }
    // A daemon that is ending itself writes no more: the other one believes that it has gone.
    guard !Task.isCancelled else { return false }
    store.cancelHandover()
    logger.warning(
      "the daemon that was to replace this one has ended; this one goes on",
      metadata: ["was": "\(process)"])
    return false
  }

  private func asks(_ successor: FileConnection) async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { (try? await successor.hear())?.word == .takeOver }
      group.addTask {
        try? await Task.sleep(for: SuccessorKeeper.patience)
        return false
      }
      defer { group.cancelAll() }
      return await group.next() ?? false
    }
  }

  /// From here on the other daemon is the one.
  private func release(_ successor: FileConnection) async {
    await guests.close()
    store.finishHandover()
    try? await successor.say(.released)
    logger.notice("handed over", metadata: ["to": "process \(successor.process)"])
    isReplaced.happen()
  }

  /// Keeps the catalogue in step with what the successor writes, for guests whose requests are under
  /// way here, until they have their answers. The connection's end tells the successor that this
  /// daemon has ended.
  private func follow(_ successor: FileConnection) async {
    while (try? await Task.sleep(for: SuccessorKeeper.followInterval)) != nil {
      guard let revision = try? await store.revision(), revision > catalog.revision else {
        continue
      }
      store.restartChanges()
    }
    withExtendedLifetime(successor) {}
  }
}

/// Ends the daemon once another one has taken its place.
struct EndWhenReplaced: Service {
  let isReplaced: Occurrence

  func run() async throws {
    await cancelWhenGracefulShutdown { await isReplaced.wait() }
  }
}
