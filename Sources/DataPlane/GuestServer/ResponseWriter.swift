import Dialects
import MetadataService

/// Puts an answer into bytes, head and body in one.
///
/// These are all the fields that a guest ever gets; above all none that lets another origin's
/// script read the answer.
enum ResponseWriter {
  static func writeInterim(into buffer: inout [UInt8]) {
    buffer.append("HTTP/1.1 100 Continue\r\n\r\n")
  }

  /// - Parameter date: The moment that the answer is given.
  static func write(_ reply: GuestExchange.Reply, date: HTTPDate, into buffer: inout [UInt8]) {
    let answer = reply.answer
    buffer.reserveCapacity(buffer.count + 256 + answer.body.count)
    if answer.status == 200 {
      buffer.append(contentsOf: date.okHead(answer.contentType))
      write(answer.body.count, into: &buffer)
    } else {
      buffer.append(contentsOf: start(answer.status, date.text))
      if hasBody(answer.status) {
        buffer.append(contentsOf: contentFields(answer.contentType))
        write(answer.body.count, into: &buffer)
      }
    }
    if let allow = answer.allow {
      buffer.append("\r\nAllow: ")
      buffer.append(contentsOf: allow.utf8)
    }
    if let token = answer.token {
      buffer.append("\r\n")
      buffer.append(contentsOf: token.field.name.utf8)
      buffer.append(": ")
      write(token.ttlSeconds, into: &buffer)
    }
    if let tag = answer.entityTag {
      buffer.append("\r\nETag: \"")
      buffer.append(contentsOf: tag.utf8)
      buffer.append("\"")
    }
    if let seconds = answer.retryAfterSeconds {
      buffer.append("\r\nRetry-After: ")
      write(seconds, into: &buffer)
    }
    switch reply.connection {
    case .implied: buffer.append("\r\n\r\n")
    case .keepAlive: buffer.append("\r\nConnection: keep-alive\r\n\r\n")
    case .close: buffer.append("\r\nConnection: close\r\n\r\n")
    }
    if !reply.isHead, hasBody(answer.status) { buffer.append(contentsOf: answer.body) }
  }

  // MARK: Parts

  fileprivate static func start(_ status: Int, _ date: [UInt8]) -> [UInt8] {
    Array("\(statusLine(status))Server: nameplate\r\nDate: ".utf8) + date
  }

  fileprivate static func contentFields(_ type: Document.ContentType) -> [UInt8] {
    Array("\r\nContent-Type: \(type.rawValue)\r\nContent-Length: ".utf8)
  }

  private static func hasBody(_ status: Int) -> Bool { status != 204 && status != 304 }

  /// Writes a number in decimal, without a string between.
  private static func write(_ number: Int, into buffer: inout [UInt8]) {
    var divisor = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      let digit = UInt8(truncatingIfNeeded: number / divisor % 10)
      buffer.append(UInt8(ascii: "0") + digit)
      divisor /= 10
    }
  }

  private static func statusLine(_ status: Int) -> StaticString {
    switch status {
    case 200: "HTTP/1.1 200 OK\r\n"
    case 204: "HTTP/1.1 204 No Content\r\n"
    case 304: "HTTP/1.1 304 Not Modified\r\n"
    case 400: "HTTP/1.1 400 Bad Request\r\n"
    case 401: "HTTP/1.1 401 Unauthorized\r\n"
    case 403: "HTTP/1.1 403 Forbidden\r\n"
    case 404: "HTTP/1.1 404 Not Found\r\n"
    case 405: "HTTP/1.1 405 Method Not Allowed\r\n"
    case 408: "HTTP/1.1 408 Request Timeout\r\n"
    case 409: "HTTP/1.1 409 Conflict\r\n"
    case 413: "HTTP/1.1 413 Content Too Large\r\n"
    case 414: "HTTP/1.1 414 URI Too Long\r\n"
    case 421: "HTTP/1.1 421 Misdirected Request\r\n"
    case 429: "HTTP/1.1 429 Too Many Requests\r\n"
    case 431: "HTTP/1.1 431 Request Header Fields Too Large\r\n"
    case 502: "HTTP/1.1 502 Bad Gateway\r\n"
    case 503: "HTTP/1.1 503 Service Unavailable\r\n"
    case 504: "HTTP/1.1 504 Gateway Timeout\r\n"
    case 505: "HTTP/1.1 505 HTTP Version Not Supported\r\n"
    default: "HTTP/1.1 500 Internal Server Error\r\n"
    }
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ text: StaticString) {
    unsafe append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}

/// A moment as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`, and heads with it.
final class HTTPDate: Sendable {
  let secondsSince1970: Int
  let text: [UInt8]
  // Nearly all heads begin with one of these: fewer pieces are written in less time.
  private let plainTextHead: [UInt8]
  private let jsonHead: [UInt8]

  init(secondsSince1970 seconds: Int) {
    secondsSince1970 = seconds
    text = HTTPDate.text(seconds)
    let start = ResponseWriter.start(200, text)
    plainTextHead = start + ResponseWriter.contentFields(.plainText)
    jsonHead = start + ResponseWriter.contentFields(.json)
  }

  /// The head of a 200 that is given at the moment, up to its length.
  func okHead(_ type: Document.ContentType) -> [UInt8] {
    switch type {
    case .plainText: plainTextHead
    case .json: jsonHead
    }
  }

  /// The moment of another second; most requests come in the same one as the request before.
  func moved(to seconds: Int) -> HTTPDate {
    seconds == secondsSince1970 ? self : HTTPDate(secondsSince1970: seconds)
  }

  private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// Counts years and months down; from 1970 that is cheap enough for once a second.
  private static func text(_ seconds: Int) -> [UInt8] {
    let seconds = max(0, seconds)
    let weekday = weekdays[seconds / 86_400 % 7]
    var days = seconds / 86_400
    var year = 1970
    while days >= length(ofYear: year) {
      days -= length(ofYear: year)
      year += 1
    }
    var month = 0
    while days >= length(ofMonth: month, in: year) {
      days -= length(ofMonth: month, in: year)
      month += 1
    }
    let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
    let time = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map(two)
    return Array(
      "\(weekday), \(two(days + 1)) \(months[month]) \(year) \(time.joined(separator: ":")) GMT"
        .utf8)
  }

  private static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  private static func length(ofYear year: Int) -> Int { isLeap(year) ? 366 : 365 }

  private static func length(ofMonth month: Int, in year: Int) -> Int {
    switch month {
    case 1: isLeap(year) ? 29 : 28
    case 3, 5, 8, 10: 30
    default: 31
    }
  }
}
