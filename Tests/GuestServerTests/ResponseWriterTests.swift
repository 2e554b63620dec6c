import Dialects
import Inventory
import MetadataService
import Testing

@testable import GuestServer

@Suite("Writing answers")
struct ResponseWriterTests {
  static let dates: [(Int, String)] = [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
    (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
    (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
  ]

  @Test("dates are written as HTTP has them", arguments: dates)
  func date(_ seconds: Int, _ expected: String) {
    #expect(String(decoding: HTTPDate(secondsSince1970: seconds).text, as: UTF8.self) == expected)
    let date = HTTPDate(secondsSince1970: 1).moved(to: seconds)
    #expect(String(decoding: date.text, as: UTF8.self) == expected)
  }

  @Test("an answer without content has neither type nor length nor body", arguments: [204, 304])
  func noContent(_ status: Int) {
    let text = written(
      GuestAnswer(status: status, contentType: .plainText, body: [65], instance: nil))
    #expect(!text.contains("Content-"))
    #expect(text.hasSuffix("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"))
  }

  @Test("a document's tag is written in quotes, where there is one")
  func tag() {
    let answer = { (tag: String?) in
      GuestAnswer(contentType: .plainText, body: [65], instance: nil, entityTag: tag)
    }
    #expect(!written(answer(nil)).contains("ETag"))
    #expect(written(answer("0123456789abcdef")).contains("\r\nETag: \"0123456789abcdef\"\r\n"))
  }

  @Test("a length is written in decimal", arguments: [0, 1, 9, 10, 99, 100, 65_535])
  func length(_ count: Int) {
    let body = [UInt8](repeating: 65, count: count)
    let text = written(
      GuestAnswer(contentType: .plainText, body: body, instance: nil), isHead: true)
    #expect(text.hasSuffix("\r\nContent-Length: \(count)\r\n\r\n"))
  }

  static let refusals: [Refusal] = [
    .tokenRequired, .endpointDisabled, .notFound, .methodNotAllowed(allow: "GET"), .requestTimeout,
    .passwordAlreadySet, .bodyTooLarge, .targetTooLong, .headTooLarge,
    .vendorDataFailed(target: "x"), .tooManyPending, .unsupportedVersion, .malformedTarget,
    .macUnknown, .callerChanged(InstanceID(upper: 1, lower: 2)),
  ]

  @Test("each refusal has a status line of its own", arguments: refusals)
  func statusLine(_ refusal: Refusal) {
    let text = written(GuestAnswer(refusal: refusal))
    #expect(text.hasPrefix("HTTP/1.1 \(refusal.status) "))
    #expect(text.contains("\r\nAllow: GET\r\n") == (refusal == .methodNotAllowed(allow: "GET")))
  }

  @Test("answers are written one behind the other")
  func appending() {
    var buffer = Array("before".utf8)
    ResponseWriter.writeInterim(into: &buffer)
    #expect(buffer == Array("beforeHTTP/1.1 100 Continue\r\n\r\n".utf8))
  }

  private func written(_ answer: GuestAnswer, isHead: Bool = false) -> String {
    var buffer: [UInt8] = []
    ResponseWriter.write(
      GuestExchange.Reply(answer: answer, isHead: isHead, connection: .implied),
      date: HTTPDate(secondsSince1970: 0), into: &buffer)
    return String(decoding: buffer, as: UTF8.self)
  }
}
