/// A plain bar chart as SVG: for each document and mode one bar for each server.
enum BarChart {
  private static let labelWidth = 270
  private static let plotWidth = 430
  private static let barHeight = 16
  private static let groupHeight = 48
  private static let top = 64
  private static let colours = (ours: "#1f6feb", nginx: "#8c959f")

  static func svg(_ rows: [Row]) -> String {
    let largest =
      rows.flatMap { [$0.ours.requestsPerSecond, $0.nginx.requestsPerSecond] }
      .max() ?? 1
    let scale = Double(plotWidth) / max(1, largest)
    let width = labelWidth + plotWidth + 90
    let height = top + rows.count * groupHeight + 16
    let groups = rows.enumerated().map { index, row in
      group(row, at: top + index * groupHeight, scale: scale)
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
      viewBox="0 0 \(width) \(height)" font-family="sans-serif" font-size="13" role="img" \
      aria-label="Requests per second, nameplate and nginx">
      <rect width="100%" height="100%" fill="#ffffff"/>
      <text x="16" y="26" font-size="16" font-weight="bold">Requests per second, 64 connections</text>
      \(legend)
      \(groups.joined(separator: "\n"))
      <line x1="\(labelWidth)" y1="\(top - 4)" x2="\(labelWidth)" y2="\(height - 16)" stroke="#57606a"/>
      </svg>

      """
  }

  private static let legend = """
    <rect x="16" y="38" width="12" height="12" fill="\(colours.ours)"/>
    <text x="34" y="49">nameplate</text>
    <rect x="126" y="38" width="12" height="12" fill="\(colours.nginx)"/>
    <text x="144" y="49">nginx, the same bytes from files</text>
    """

  private static func group(_ row: Row, at y: Int, scale: Double) -> String {
    let label = "\(escaped(row.document)), \(row.mode.rawValue)"
    let bars = [
      bar(row.ours.requestsPerSecond, at: y, colours.ours, scale),
      bar(row.nginx.requestsPerSecond, at: y + barHeight + 2, colours.nginx, scale),
    ]
    return """
      <text x="\(labelWidth - 10)" y="\(y + barHeight + 5)" text-anchor="end">\(label)</text>
      \(bars.joined(separator: "\n"))
      """
  }

  private static func bar(_ value: Double, at y: Int, _ colour: String, _ scale: Double) -> String {
    let width = Int((value * scale).rounded())
    return """
      <rect x="\(labelWidth)" y="\(y)" width="\(width)" height="\(barHeight)" fill="\(colour)"/>
      <text x="\(labelWidth + width + 6)" y="\(y + barHeight - 3)">\(value.text(0))</text>
      """
  }

  private static func escaped(_ text: String) -> String {
    text.map { character in
      switch character {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      default: String(character)
      }
    }.joined()
  }
}
