import AsyncHTTPClient
import ControlAPI
import Foundation
import Inventory
import MetadataService
import NIOCore
import NIOHTTP1
import OrderedCollections
import TestKit
import Testing

@testable import ControlClient
@testable import ControlServer

@Suite("Access")
struct AccessTests {
  static func token(_ name: String, _ token: String, expires: Int? = nil) -> AccessEntry {
    AccessEntry(
      name: name, role: .operator, project: nil, proof: .token(sha256: AccessBook.hash(token)),
      createdAtSeconds: 0, expiresAtSeconds: expires)
  }

  @Test("a token is its holder's until it ends; one that differs in a single bit is nobody's")
  func holder() async throws {
    let store = MemoryStore()
    try await store.grant(Self.token("a", "npt_a", expires: 100), by: .test)
    try await store.grant(Self.token("b", "npt_b"), by: .test)
    let book = AccessBook(store: store, now: { 99 })
    #expect(book.holder(ofToken: "npt_a") == nil)
    try await book.load()
    #expect(book.holder(ofToken: "npt_a")?.name == "a")
    #expect(book.holder(ofToken: "npt_c") == nil && book.holder(ofToken: "") == nil)
    #expect(book.all.map(\.lastUsedSeconds) == [99, nil])
    let later = AccessBook(store: store, now: { 100 })
    try await later.load()
    #expect(later.holder(ofToken: "npt_a") == nil)
    #expect(later.holder(ofToken: "npt_b")?.name == "b")
  }

  @Test("bytes are equal where all are", arguments: [0, 15, 31])
  func equal(_ place: Int) {
    let bytes = [UInt8](repeating: 7, count: 32)
    var other = bytes
    #expect(AccessBook.isEqual(bytes, other))
    other[place] ^= 1
    #expect(!AccessBook.isEqual(bytes, other))
    #expect(!AccessBook.isEqual(bytes, Array(bytes.dropLast())))
  }

  @Test("a certificate that two accesses match gives neither")
  func ambiguous() async throws {
    let store = MemoryStore()
    for name in ["CN:a", "DNS:a"] {
      try await store.grant(
        AccessEntry(
          name: "by-\(name.prefix(2))", role: .admin, project: nil,
          proof: .certificate(subject: name), createdAtSeconds: 0, expiresAtSeconds: nil), by: .test
      )
    }
    let book = AccessBook(store: store, now: { 0 })
    try await book.load()
    #expect(book.holder(ofCertificate: ["CN:a"])?.name == "by-CN")
    #expect(book.holder(ofCertificate: ["CN:a", "DNS:a"]) == nil)
    #expect(book.holder(ofCertificate: ["URI:a", "CN:DNS:a"]) == nil)
  }

  static let mistakes: [(JSONValue, String?)] = [
    ([], nil), (["role": "reader"], "name"), (["name": "a b", "role": "reader"], "name"),
    (["name": "a", "role": "root"], "role"), (["name": "a"], "role"),
    (["name": "a", "role": "admin", "project": "p"], "project"),
    (["name": "a", "role": "reader", "project": ""], "project"),
    (["name": "a", "role": "reader", "certificateSubject": "a"], "certificateSubject"),
    (["name": "a", "role": "reader", "certificateSubject": "CN:"], "certificateSubject"),
    (["name": "a", "role": "reader", "expiresInSeconds": 0], "expiresInSeconds"),
    (["name": "a", "role": "reader", "expiresInSeconds": "1"], "expiresInSeconds"),
    (["name": "a", "role": "reader", "token": "mine"], "token"),
  ]

  @Test("what an access cannot be is refused with the field's name", arguments: mistakes)
  func refusesMistakes(_ form: JSONValue, _ field: String?) {
    #expect {
      _ = try AccessRequest(form: form)
    } throws: {
      ($0 as? Problem)?.kind == .invalid && ($0 as? Problem)?.field == field
    }
  }

  @Test("a token is shown once, and its answers are as the contract has them")
  func created() async throws {
    try await withPlane { plane in
      let request = AccessRequest(name: "ci", role: .operator, project: "p1", expiresInSeconds: 60)
      let entry = try await plane.client.createAccess(request)
      try conforms(entry, to: "Access")
      let token = try #require(entry["token"]?.string)
      #expect(token.hasPrefix("npt_") && token.utf8.count == 47)
      let listed = try await plane.raw(.GET, "/v1/access")
      try conforms(listed.json, to: "AccessList")
      #expect(!listed.text.contains(token) && !listed.text.contains("sha256"))
      let again = try await problem { _ = try await plane.client.createAccess(request) }
      #expect(again == .claimed)
      let audit = try await plane.raw(.GET, "/v1/audit?resource=access/ci")
      try conforms(audit.json, to: "Audit")
      #expect(audit.json["items"]?.array?.count == 1)
      try await plane.client.revokeAccess("ci")
      let gone = try await problem { try await plane.client.revokeAccess("ci") }
      #expect(gone == .notFound)
      for query in ["after=x", "limit=0", "resource=ci", "other=1"] {
        #expect(try await plane.raw(.GET, "/v1/audit?\(query)").status == 400, "\(query)")
      }
    }
  }

  @Test("a watch ends when its access is revoked")
  func revoked() async throws {
    try await withNetworkPlane { network in
      let client = try network.client(token: try await network.token(.reader, name: "w"))
      let ended = try await problem {
        try await client.watch(
          onOpen: { try? await network.plane.client.revokeAccess("w") }, { _, _ in true })
      }
      #expect(ended == .unauthorized)
      let after = try await problem { _ = try await client.health() }
      #expect(after == .unauthorized)
      await client.shutdown()
    }
  }

  @Test("a header that is no bearer token, or two of them, is no token")
  func headers() async throws {
    try await withNetworkPlane { network in
      let token = try await network.token(.reader)
      let client = try network.client()
      let ask = { (values: [String]) in
        try await problem {
          _ = try await client.transport.send(
            .GET, "/v1/health", headers: values.map { ("Authorization", $0) })
        }
      }
      #expect(try await ask(["bearer \(token)"]) == nil)
      for values in [
        ["Basic \(token)"], [token], ["Bearer"],
        ["Bearer \(token)", "Bearer x"],
        ["Bearer \(String(repeating: "x", count: 300))"],
      ] { #expect(try await ask(values) == .unauthorized, "\(values)") }
      #expect(network.plane.service.counters.values["control.unauthorized"] == 5)
      await client.shutdown()
    }
  }
}

@Suite("Bounds of the control listener")
struct ControlBoundsTests {
  @Test("an address may fail so often, then waits, and gets its attempts back one by one")
  func throttle() {
    var throttle = FailureThrottle(limit: 3, secondsPerFailure: 6, capacity: 2)
    for _ in 0..<2 {
      throttle.fail("a", now: 0)
      #expect(throttle.wait(for: "a", now: 0) == nil)
    }
    throttle.fail("a", now: 0)
    #expect(throttle.wait(for: "a", now: 0) == 6)
    #expect(throttle.wait(for: "a", now: 5) == 1)
    #expect(throttle.wait(for: "a", now: 6) == nil)
    #expect(throttle.wait(for: "b", now: 0) == nil)
    throttle.fail("a", now: 6)
    #expect(throttle.wait(for: "a", now: 6) == 6)
    // A clock that is set back forgives nothing.
    #expect(throttle.wait(for: "a", now: -1000) == 6)
  }

  @Test("of many addresses the forgiven are forgotten, then the oldest")
  func room() {
    var throttle = FailureThrottle(limit: 1, secondsPerFailure: 10, capacity: 2)
    throttle.fail("a", now: 0)
    throttle.fail("b", now: 1)
    throttle.fail("c", now: 2)
    #expect(throttle.wait(for: "a", now: 2) == nil)
    #expect(throttle.wait(for: "b", now: 2) != nil)
    #expect(throttle.wait(for: "c", now: 2) != nil)
  }

  @Test("IPv6 addresses of one network are one")
  func networks() throws {
    let key = { (text: String) in NetworkGate.key(try SocketAddress(ipAddress: text, port: 1)) }
    #expect(try key("2001:db8::1") == key("2001:db8::ffff:1"))
    #expect(try key("2001:db8:0:1::1") != key("2001:db8::1"))
    #expect(try key("192.0.2.1") != key("192.0.2.2"))
  }
}
