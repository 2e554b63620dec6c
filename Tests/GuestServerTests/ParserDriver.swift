import MetadataService

@testable import GuestServer

/// What a parser makes of input that comes in pieces, one line for each request or refusal.
func outcomes(of pieces: [[UInt8]]) -> [String] {
  var parser = RequestParser()
  var input: [UInt8] = []
  var outcomes: [String] = []
  for piece in pieces {
    input += piece
    var offset = 0
    pieceLoop: while true {
      switch parser.parse(input.span, from: &offset) {
      case .needsMore: break pieceLoop
      case .body: break
      case .request(let request): outcomes.append(describe(request))
      case .refused(let refusal):
        outcomes.append(refusal.code)
        return outcomes
      }
    }
    input.removeSubrange(..<offset)
  }
  if parser.isWithinRequest || !input.isEmpty { outcomes.append("…") }
  return outcomes
}

private func describe(_ request: RequestParser.Request) -> String {
  let body = String(decoding: request.body, as: UTF8.self)
  return "\(request.method) \(String(decoding: request.target, as: UTF8.self))"
    + (request.isHTTP10 ? " 1.0" : "") + (request.keepsAlive ? "" : " close")
    + (body.isEmpty ? "" : " [\(body)]")
}

func outcomes(of text: String) -> [String] { outcomes(of: [Array(text.utf8)]) }

/// A request's head with a Host, its lines ended.
func head(_ lines: String...) -> String {
  (lines + ["Host: 169.254.169.254", "", ""]).joined(separator: "\r\n")
}

/// A generator with a seed, so that a failure can be had again (Steele, Lea, Flood: SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
  }
}
