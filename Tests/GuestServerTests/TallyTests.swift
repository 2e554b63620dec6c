import Dialects
import Inventory
import MetadataService
import Telemetry
import TestKit
import Testing

@testable import GuestServer

@Suite("What threads count", .timeLimit(.minutes(1)))
struct TallyTests {
  @Test("every answer is counted once, on whatever thread, by dialect and status")
  func answers() async throws {
    try await RunningServer.with(rates: .unbounded) { server in
      let count = 40
      for number in 1...4 { try await server.store.declare(number, address: "127.0.0.\(number)") }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 1...4 {
          group.addTask {
            // New connections and ones that are kept.
            for _ in 0..<count {
              let client = try await server.connect(from: "127.0.0.\(number)")
              #expect(try await client.get(GuestServerTests.identity).status == 200)
              #expect(try await client.get("/openstack/latest/nothing").status == 404)
              await client.close()
            }
          }
        }
        try await group.waitForAll()
      }
      let malformed = try await server.connect()
      try await malformed.send("nonsense\r\n\r\n")
      #expect(try await malformed.response().status == 400)
      let tally = await server.loops.tally()
      #expect(tally.connections == UInt64(4 * count + 1))
      #expect(tally.answers(in: .ec2, .successful) == UInt64(4 * count))
      #expect(tally.answers(in: .openstack, .refused) == UInt64(4 * count))
      #expect(tally.answers(in: nil, .refused) == 1)
      #expect(tally.answered.count == UInt64(8 * count + 1))
      #expect(tally.answered.steps.reduce(0) { $0 + $1.count } == tally.answered.count)
      #expect(tally.waited.count == 0)
      #expect(tally.sentBytes > 0 && tally.receivedBytes > 0)
    }
  }

  @Test("answers that were waited for have latencies of their own")
  func waited() async throws {
    try await RunningServer.with(hold: .forever) { server in
      let client = try await server.connect()
      try await client.send(head("GET \(GuestServerTests.identity) HTTP/1.1"))
      for await _ in server.held { break }
      try await server.store.declare(1, address: "127.0.0.1")
      #expect(try await client.response().status == 200)
      #expect(try await client.get(GuestServerTests.identity).status == 200)
      let tally = await server.loops.tally()
      #expect(tally.waited.count == 1)
      #expect(tally.answered.count == 1)
      #expect(tally.answers(in: .ec2, .successful) == 2)
    }
  }

  @Test("the guests that asked most are known, by network and address")
  func busiest() async throws {
    try await RunningServer.with(rates: .unbounded) { server in
      try await server.store.declare(1, address: "127.0.0.1")
      for number in 1...3 {
        let client = try await server.connect(from: "127.0.0.\(number)")
        for _ in 0..<(10 * number) {
          _ = try await client.get(GuestServerTests.identity)
        }
      }
      let guests = await server.loops.activity(withinSeconds: 60).busiest
      #expect(guests.map(\.address) == [3, 2, 1].map { IPAddress.v4(0x7F00_0000 + $0) })
      #expect(guests.map(\.requests) == [30, 20, 10])
      #expect(guests.map(\.refused) == [30, 20, 0])
    }
  }

  private static func guest(_ number: Int) -> GuestAccounts.Guest {
    // The same places each time.
    GuestAccounts.Guest(network: nil, address: .v4(UInt32(number)), salt: 7)
  }

  @Test("who asks much is found among many that ask little; the quiet make room")
  func crowd() {
    var busy = BusyGuests()
    let note = { (busy: inout BusyGuests, number: Int, second: Int) in
      busy.note(Self.guest(number), isRefused: false, sentBytes: 1, second: second)
    }
    for round in 0..<10_000 {
      note(&busy, 1000 + round, 1)
      for number in 1...8 { note(&busy, number, 1) }
    }
    let counted = busy.guests(since: 0).sorted { $1.requests < $0.requests }
    #expect(Set(counted.prefix(8).map(\.address)) == Set((1...8).map { .v4(UInt32($0)) }))
    // They are counted from when they are in the table, which is at once.
    #expect(counted[7].requests > 9_900)
    for number in 20_000..<22_000 {
      for _ in 0..<100 { note(&busy, number, 2) }
    }
    for _ in 0..<200 { note(&busy, 9, 3) }
    let last = busy.guests(since: 3)
    #expect(last.map(\.address) == [.v4(9)])
    // It took the others' votes first.
    #expect((100...200).contains(last.first?.requests ?? 0))
  }
}
