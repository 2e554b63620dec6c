import Dialects
import Inventory
import MetadataService
import TestKit
import Testing

@Suite("The session token endpoint")
struct TokenEndpointTests {
  static let one = Examples.instance(1, interfaces: #"[{"network": "a", "address": "10.0.0.5"}]"#)
  static let paths = [
    "/latest/api/token", "/ec2/latest/api/token", "/openstack/latest/api/token",
    "//latest//api/token/", "/latest/./api/%74oken?x=1",
  ]

  @Test("a token is given as text, with the time to live that was asked for", arguments: paths)
  func issues(path: String) async throws {
    let fixture = try await ServiceFixture([Self.one])
    for field in TokenTTLField.allCases {
      for seconds in [1, 60, 21_600] {
        var fields = RequestFields()
        fields.tokenTTL = Array(String(seconds).utf8)
        fields.tokenTTLField = field
        let answer = await fixture.ask(path, from: "10.0.0.5", method: .put, fields: fields)
        #expect(answer.status == 200)
        #expect(answer.contentType == .plainText)
        #expect(answer.token == TokenGrant(ttlSeconds: seconds, field: field, hopLimit: 1))
        let read = await fixture.ask("/latest/meta-data", from: "10.0.0.5", token: answer.body)
        #expect(read.status == 200)
      }
    }
  }

  @Test(
    "a time to live that is none is a bad request",
    arguments: [
      nil, "", "0", "-1", "+5", "21601", "1.5", "1e3", " 60", "0x10", "9999999999999999",
      "99999999999999999999", "six",
    ] as [String?])
  func badTTL(text: String?) async throws {
    let fixture = try await ServiceFixture([Self.one])
    for path in Self.paths {
      var fields = RequestFields()
      fields.tokenTTL = text.map { Array($0.utf8) }
      let answer = await fixture.ask(path, from: "10.0.0.5", method: .put, fields: fields)
      #expect(answer.status == 400)
      #expect(answer.refusal?.code == "token-ttl")
    }
  }

  @Test("a proxy that says for whom it asks gets no token")
  func forwarded() async throws {
    let fixture = try await ServiceFixture([Self.one])
    var fields = RequestFields()
    fields.tokenTTL = Array("60".utf8)
    fields.isForwarded = true
    for path in Self.paths {
      let answer = await fixture.ask(path, from: "10.0.0.5", method: .put, fields: fields)
      #expect(answer.status == 403)
      #expect(answer.refusal?.code == "token-forwarded")
    }
    #expect(await fixture.ask("/latest", from: "10.0.0.5", fields: fields).status == 200)
  }

  @Test(
    "a token's path takes PUT alone, and PUT is taken at no other path",
    arguments: [Question.Method.get, .head, .post, .other])
  func methods(method: Question.Method) async throws {
    let required = Examples.instance(
      2, interfaces: #"[{"address": "10.0.0.6"}]"#,
      more: #""metadataOptions": {"httpTokens": "required", "httpTokensScope": "all"}, "#)
    let fixture = try await ServiceFixture([Self.one, required])
    for source in ["10.0.0.5", "10.0.0.6"] {
      for path in Self.paths {
        let answer = await fixture.ask(path, from: source, method: method)
        #expect(answer.status == 405)
        #expect(answer.allow == "OPTIONS, PUT")
      }
      for path in ["/latest/meta-data/", "/none", "/openstack/latest/meta_data.json", "/"] {
        let answer = await fixture.ask(path, from: source, method: .put)
        #expect(answer.status == 405)
        #expect(answer.allow == "GET, HEAD")
      }
    }
  }

  @Test("a disabled service gives no token")
  func disabled() async throws {
    let instance = Examples.instance(
      1, interfaces: #"[{"address": "10.0.0.5"}]"#,
      more: #""metadataOptions": {"httpEndpoint": "disabled"}, "#)
    let fixture = try await ServiceFixture([instance])
    var fields = RequestFields()
    fields.tokenTTL = Array("60".utf8)
    for path in Self.paths {
      let answer = await fixture.ask(path, from: "10.0.0.5", method: .put, fields: fields)
      #expect(answer.refusal == .endpointDisabled)
    }
  }

  @Test("a stranger gets what strangers get")
  func stranger() async throws {
    let fixture = try await ServiceFixture([Self.one])
    var fields = RequestFields()
    fields.tokenTTL = Array("60".utf8)
    async let held = fixture.ask(
      "/latest/api/token", from: "10.0.0.9", method: .put, fields: fields)
    await fixture.clock.untilSomebodySleeps()
    fixture.clock.wakeAll()
    let answer = await held
    #expect(answer.status == 404)
    #expect(answer.refusal == .unknownAddress)
    #expect(answer.token == nil)
  }

  @Test("a guest that asks for a token before its record lands gets one at its first try")
  func early() async throws {
    let fixture = try await ServiceFixture([])
    async let token = fixture.token(for: "10.0.0.5", network: "a")
    await fixture.clock.untilSomebodySleeps()
    try await fixture.declare([Self.one])
    let answer = await fixture.ask("/latest", from: "10.0.0.5", network: "a", token: await token)
    #expect(answer.status == 200)
  }

  @Test(
    "the hop limit counts from the guest's own host: routers on the way to us come on top",
    arguments: [(1, 0, 1), (1, 2, 3), (64, 0, 64), (64, 250, 255)])
  func hopLimit(declared: Int, routers: Int, sent: Int) async throws {
    let instance = Examples.instance(
      1, interfaces: #"[{"address": "10.0.0.5"}]"#,
      more: #""metadataOptions": {"httpPutResponseHopLimit": \#(declared)}, "#)
    let fixture = try await ServiceFixture([instance])
    var link = LinkFacts()
    link.routers = routers
    var fields = RequestFields()
    fields.tokenTTL = Array("60".utf8)
    let answer = await fixture.ask(
      "/latest/api/token", from: "10.0.0.5", method: .put, link: link, fields: fields)
    #expect(answer.token?.hopLimit == sent)
  }

  @Test("no listing shows where tokens are", arguments: ["/", "/latest", "/openstack/latest"])
  func unlisted(path: String) async throws {
    let fixture = try await ServiceFixture([Self.one])
    let listing = String(decoding: await fixture.ask(path, from: "10.0.0.5").body, as: UTF8.self)
    #expect(!listing.contains("api"))
    #expect(await fixture.ask("/latest/api", from: "10.0.0.5").status == 404)
  }
}
