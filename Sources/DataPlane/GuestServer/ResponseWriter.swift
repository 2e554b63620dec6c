import Inventory
import MetadataService
import NIOCore
import Synchronization

/// Writes an answer's head and body in one piece. These headers are all that a guest ever gets.
struct ResponseWriter {
  static let continueLine: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

  static func write(
    _ answer: GuestAnswer, _ delivery: GuestExchange.Delivery, date: [UInt8],
    into buffer: inout ByteBuffer
  ) {
    buffer.writeStaticString(statusLine(answer.status))
    buffer.writeStaticString("Server: nameplate\r\nDate: ")
    buffer.writeBytes(date)
    buffer.writeStaticString("\r\nContent-Type: ")
    buffer.writeString(answer.contentType)
    buffer.writeStaticString("\r\nContent-Length: ")
    buffer.writeString(String(answer.body.count))
    if let allow = answer.allow {
      buffer.writeStaticString("\r\nAllow: ")
      buffer.writeString(allow)
    }
    // HTTP/1.0 clients take silence for close, HTTP/1.1 ones for keep-alive: always said.
    buffer.writeStaticString(
      delivery.keepAlive
        ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
    if !delivery.headOnly { buffer.writeBytes(answer.body) }
  }

  private static func statusLine(_ status: Int) -> StaticString {
    switch status {
    case 200: "HTTP/1.1 200 OK\r\n"
    case 400: "HTTP/1.1 400 Bad Request\r\n"
    case 401: "HTTP/1.1 401 Unauthorized\r\n"
    case 403: "HTTP/1.1 403 Forbidden\r\n"
    case 404: "HTTP/1.1 404 Not Found\r\n"
    case 405: "HTTP/1.1 405 Method Not Allowed\r\n"
    case 408: "HTTP/1.1 408 Request Timeout\r\n"
    case 409: "HTTP/1.1 409 Conflict\r\n"
    case 413: "HTTP/1.1 413 Content Too Large\r\n"
    case 414: "HTTP/1.1 414 URI Too Long\r\n"
    case 431: "HTTP/1.1 431 Request Header Fields Too Large\r\n"
    case 503: "HTTP/1.1 503 Service Unavailable\r\n"
    case 505: "HTTP/1.1 505 HTTP Version Not Supported\r\n"
    default: "HTTP/1.1 500 Internal Server Error\r\n"
    }
  }
}

/// The Date header's text, made once a second.
final class HTTPDate: Sendable {
  private let now: @Sendable () -> Int
  private let cached = Mutex<(second: Int, text: [UInt8])>((second: -1, text: []))

  /// - Parameter now: Seconds since 1970.
  init(now: @escaping @Sendable () -> Int) { self.now = now }

  var text: [UInt8] {
    let second = now()
    return cached.withLock { cached in
      if cached.second != second {
        cached = (second: second, text: Array(HTTPDate.format(second).utf8))
      }
      return cached.text
    }
  }

  private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// RFC 9110's form: `Sun, 06 Nov 1994 08:49:37 GMT`.
  static func format(_ seconds: Int) -> String {
    let time = CivilTime(secondsSince1970: seconds).description
    let parts = time.split { "-T:Z".contains($0) }.map(String.init)
    guard parts.count == 6, let month = Int(parts[1]), months.indices.contains(month - 1) else {
      return time
    }
    let day = days[max(0, seconds) / 86_400 % 7]
    let clock = parts[3...].joined(separator: ":")
    return "\(day), \(parts[2]) \(months[month - 1]) \(parts[0]) \(clock) GMT"
  }
}
