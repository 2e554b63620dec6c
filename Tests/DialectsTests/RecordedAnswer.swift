import Dialects
import Foundation
import Inventory

/// A request that was sent to Nova 34, and what it answered.
struct RecordedAnswer: Sendable, CustomStringConvertible {
  let section: String
  let method: String
  let path: String
  /// The host name of the instance that asked; nil for a stranger.
  let hostname: String?
  let source: String
  /// Nil where Nova fell over without an answer.
  let status: Int?
  let contentType: String?
  let body: [UInt8]
  let requestBody: [UInt8]

  init(_ value: JSONValue) {
    section = value["section"]?.string ?? ""
    method = value["method"]?.string ?? ""
    path = value["path"]?.string ?? ""
    hostname = value["instance"]?.string.map { $0 == "rich" ? "web-01" : $0 }
    source = value["source"]?.string ?? ""
    status = value["status"]?.integer
    contentType = value["content_type"]?.string
    body =
      value["body_base64"]?.string.flatMap(Base64.decode)
      ?? Array((value["body"]?.string ?? "").utf8)
    requestBody = value["request_body_base64"]?.string.flatMap(Base64.decode) ?? []
  }

  static func all() throws -> [RecordedAnswer] {
    try Fixture.json("nova-direct.json").array?.map(RecordedAnswer.init) ?? []
  }

  var description: String { "\(section): \(method) \(path)" }

  var segments: [String] {
    (try? RequestTarget(parsing: Array(path.utf8)).segments) ?? []
  }

  /// The segments without the `ec2` that may lead them.
  var ec2Segments: [String] {
    segments.first == "ec2" ? Array(segments.dropFirst()) : segments
  }

  var bodyLines: [String] { RecordedAnswer.lines(body) }

  static func lines(_ body: [UInt8]) -> [String] {
    String(decoding: body, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

/// What we answer to the same.
enum OurAnswer: Sendable {
  case document(Document)
  case notFound
  case malformed

  var status: Int {
    switch self {
    case .document: 200
    case .notFound: 404
    case .malformed: 400
    }
  }

  var document: Document? {
    if case .document(let document) = self { document } else { nil }
  }

  var lines: [String] { RecordedAnswer.lines(document?.bytes ?? []) }
}

/// In what an answer of ours differs from Nova's.
enum Aspect: Sendable, Hashable, CaseIterable {
  case status
  case body
  case contentType

  /// Compared are the status and, where both have a document that is sent, its bytes and type. The
  /// random seed counts by its length; an error's text is free.
  static func differing(_ recorded: RecordedAnswer, _ ours: OurAnswer) -> Set<Aspect> {
    guard recorded.status == ours.status else { return [.status] }
    guard recorded.status == 200, recorded.method == "GET", let document = ours.document else {
      return []
    }
    var aspects: Set<Aspect> = []
    if masked(recorded.body) != masked(document.bytes) { aspects.insert(.body) }
    if recorded.contentType != document.contentType.rawValue { aspects.insert(.contentType) }
    return aspects
  }

  private static func masked(_ body: [UInt8]) -> [UInt8] {
    let text = String(decoding: body, as: UTF8.self)
    guard let start = text.range(of: "\"random_seed\": \""),
      let end = text[start.upperBound...].firstIndex(of: "\""),
      let seed = Base64.decode(String(text[start.upperBound..<end]))
    else { return body }
    return Array((text[..<start.upperBound] + "\(seed.count) bytes" + text[end...]).utf8)
  }
}
