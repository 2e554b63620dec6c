import NIOCore
import NIOPosix

/// A guest's side of a connection, over a real socket.
final class GuestClient {
  struct Response: Hashable {
    var status: Int
    /// The fields but Date, in order, as they came.
    var fields: [String]
    var body: String

    func field(_ name: String) -> String? {
      fields.first { $0.hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
    }
  }

  struct Closed: Error {}

  private let channel: any Channel
  private var input: AsyncStream<ByteBuffer>.Iterator
  private var received: [UInt8] = []

  private init(_ channel: any Channel, _ input: AsyncStream<ByteBuffer>) {
    self.channel = channel
    self.input = input.makeAsyncIterator()
  }

  /// Connects from one of loopback's many addresses.
  static func connect(to port: Int, at host: String = "127.0.0.1", from source: String? = nil)
    async throws -> GuestClient
  {
    let (input, continuation) = AsyncStream<ByteBuffer>.makeStream()
    var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Receiver(continuation))
        }
      }
    if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0)) }
    return GuestClient(try await bootstrap.connect(host: host, port: port).get(), input)
  }

  func send(_ text: String) async throws {
    try await channel.writeAndFlush(ByteBuffer(string: text))
  }

  func closeOutput() async throws { try await channel.close(mode: .output).get() }

  func close() async { try? await channel.close().get() }

  /// Sends a GET and reads its answer.
  func get(_ target: String) async throws -> Response {
    try await send("GET \(target) HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n")
    return try await response()
  }

  /// Reads one answer.
  /// - Throws: ``Closed`` where the server closes first.
  func response(toHEAD isHEAD: Bool = false) async throws -> Response {
    var lines: [String] = []
    while true {
      let line = try await line()
      guard !line.isEmpty else { break }
      lines.append(line)
    }
    let words = lines.removeFirst().split(separator: " ")
    var response = Response(
      status: words.count > 1 ? Int(words[1]) ?? 0 : 0,
      fields: lines.filter { !$0.hasPrefix("Date: ") }, body: "")
    let length = response.field("Content-Length").flatMap { Int($0) } ?? 0
    if !isHEAD { response.body = String(decoding: try await take(length), as: UTF8.self) }
    return response
  }

  /// Whether the server has closed, with nothing more to read.
  func isAtEnd() async -> Bool {
    while received.isEmpty {
      guard let buffer = await input.next(isolation: #isolation) else { return true }
      received += buffer.readableBytesView
    }
    return false
  }

  private func line() async throws -> String {
    while true {
      if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
        let line = received[..<end].dropLast()
        received.removeSubrange(...end)
        return String(decoding: line, as: UTF8.self)
      }
      try await receive()
    }
  }

  private func take(_ count: Int) async throws -> [UInt8] {
    while received.count < count { try await receive() }
    defer { received.removeSubrange(..<count) }
    return Array(received[..<count])
  }

  private func receive() async throws {
    guard let buffer = await input.next(isolation: #isolation) else { throw Closed() }
    received += buffer.readableBytesView
  }

  private final class Receiver: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    private let continuation: AsyncStream<ByteBuffer>.Continuation

    init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      continuation.yield(unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case ChannelEvent.inputClosed = event { continuation.finish() }
    }

    func channelInactive(context: ChannelHandlerContext) { continuation.finish() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }
}
