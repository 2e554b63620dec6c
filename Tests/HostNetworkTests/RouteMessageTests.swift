import Foundation
import Glibc
import Inventory
import Testing

@testable import HostNetwork

@Suite("What the kernel says of routes and neighbours")
struct RouteMessageTests {
  static let address = IPAddress("10.20.0.5")!
  static let mac = MACAddress("fa:16:3e:00:00:05")!

  static func message(_ type: Int, _ fixed: [UInt8], _ attributes: [(Int, [UInt8])]) -> [UInt8] {
    var writer = RouteMessageWriter(type: type, flags: 0, sequence: 7, fixed: fixed)
    for (number, value) in attributes { writer.put(number, value) }
    return writer.bytes
  }

  static func route(type: UInt8 = 1, _ attributes: [(Int, [UInt8])]) -> [UInt8] {
    message(24, [2, 32, 0, 0, 254, 0, 0, type, 0, 0, 0, 0], attributes)
  }

  /// - Parameter state: NUD_REACHABLE is 2, STALE 4, FAILED 0x20, NOARP 0x40, PERMANENT 0x80.
  static func neighbour(state: UInt8 = 2, _ attributes: [(Int, [UInt8])]) -> [UInt8] {
    message(28, [2, 0, 0, 0, 3, 0, 0, 0, state, 0, 0, 1], attributes)
  }

  static let interface = (4, [3, 0, 0, 0] as [UInt8])

  @Test(
    "a way is on the link, behind a router, or none to another host",
    arguments: [
      (route([interface]), true), (route([(5, [10, 20, 0, 1]), interface]), false),
      // RTA_VIA: IPv4 by a router that has IPv6.
      (route([(18, [10, 0] + [UInt8](repeating: 1, count: 16)), interface]), false),
      (route(type: 2, [interface]), nil), (route(type: 6, [interface]), nil), (route([]), nil),
      (route([(4, [3, 0])]), nil), (route([(4, [0, 0, 0, 0])]), nil),
    ] as [([UInt8], Bool?)])
  func ways(bytes: [UInt8], isOnLink: Bool?) throws {
    let message = try #require(RouteMessage.all(in: bytes[...]).first)
    #expect(message.sequence == 7)
    #expect(RouteAnswer(message)?.isOnLink == isOnLink)
    if isOnLink != nil { #expect(RouteAnswer(message)?.interface == 3) }
  }

  @Test(
    "a neighbour is known, looked for, or has no MAC",
    arguments: [
      (neighbour([(2, [0xFA, 0x16, 0x3E, 0, 0, 5])]), .known(mac)),
      (
        neighbour(state: 4, [(1, [10, 20, 0, 5]), (2, [0xFA, 0x16, 0x3E, 0, 0, 5])]), .known(mac)
      ),
      (neighbour(state: 0x80, [(2, [0xFA, 0x16, 0x3E, 0, 0, 5])]), .known(mac)),
      (neighbour(state: 0x20, [(2, [0xFA, 0x16, 0x3E, 0, 0, 5])]), .unresolved),
      (neighbour(state: 1, []), .unresolved), (neighbour(state: 0, []), .unresolved),
      (neighbour([]), .unresolved), (neighbour(state: 0x40, [(2, [0, 0, 0, 0, 0, 0])]), .without),
      (neighbour([(2, [UInt8](repeating: 1, count: 20))]), .without),
      (neighbour([(2, [0, 0, 0, 0, 0, 0])]), .without),
    ] as [([UInt8], NeighbourAnswer)])
  func neighbours(bytes: [UInt8], answer: NeighbourAnswer) throws {
    let message = try #require(RouteMessage.all(in: bytes[...]).first)
    #expect(NeighbourAnswer(message) == answer)
  }

  @Test("an error says its number, and messages follow one another")
  func errors() throws {
    var writer = RouteMessageWriter(
      type: 2, flags: 0, sequence: 9, fixed: RouteMessageWriter.host(-ENOENT))
    writer.put(1, [1, 2, 3])
    let messages = RouteMessage.all(in: (writer.bytes + Self.route([Self.interface]))[...])
    #expect(messages.map(\.type) == [2, 24])
    #expect(messages.first?.errorCode == ENOENT)
    #expect(messages.last?.errorCode == nil)
  }

  @Test("a question is what the kernel's headers say, byte for byte")
  func questions() {
    let question = RouteQuestion.route(to: Self.address, from: .v4(0x0A14_0001), interface: 3)
    #expect(
      question.message(7) == [
        52, 0, 0, 0, 26, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0,  // nlmsghdr
        2, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // rtmsg
        8, 0, 1, 0, 10, 20, 0, 5, 8, 0, 2, 0, 10, 20, 0, 1, 8, 0, 4, 0, 3, 0, 0, 0,
      ])
    #expect(
      RouteQuestion.neighbour(.v6(0xFE80 << 48, 5), interface: 258).message(1) == [
        48, 0, 0, 0, 30, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        10, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0,  // ndmsg
        20, 0, 1, 0, 0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5,
      ])
  }

  private func read(_ bytes: [UInt8]) {
    // Within a larger slice, so that a wrong index would not be the array's own.
    let all = [0xFF, 0xFF] + bytes + [0xFF, 0xFF, 0xFF, 0xFF]
    for message in RouteMessage.all(in: all[2..<(2 + bytes.count)]) {
      _ = RouteAnswer(message)
      _ = NeighbourAnswer(message)
      _ = message.hasMACs
      _ = message.errorCode
      #expect(message.payload.endIndex <= 2 + bytes.count)
    }
  }

  @Test("nothing that is cut off or altered reads beyond its end")
  func mutations() {
    let whole =
      Self.route([Self.interface, (5, [10, 20, 0, 1])])
      + Self.neighbour([(1, [10, 20, 0, 5]), (2, [0xFA, 0x16, 0x3E, 0, 0, 5])])
    for length in 0...whole.count { read(Array(whole.prefix(length))) }
    for index in whole.indices {
      for value in [0, 1, 3, 4, 15, 16, 17, 0x7F, 0x80, 0xFF] as [UInt8] {
        var bytes = whole
        bytes[index] = value
        read(bytes)
      }
    }
    var seed: UInt64 = 0x9E37_79B9_7F4A_7C15
    for _ in 0..<20_000 {
      var bytes = whole
      for _ in 0..<3 {
        seed ^= seed << 13
        seed ^= seed >> 7
        seed ^= seed << 17
        bytes[Int(seed % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: seed >> 32)
      }
      read(bytes)
    }
  }
}
