"""A peer for the card: the smallest Flask app that renders as much markup from a dictionary, without database, session or policy."""

from flask import Flask

app = Flask(__name__)

CARD = """
<article id="match-{{ card.id }}" class="match-card" data-live="profile:{{ card.id }}@{{ card.version }}" hx-get="/card" hx-swap="outerMorph">
  <header><img src="{{ card.avatar }}" alt=""><h2><a href="/profiles/{{ card.id }}">{{ card.name }}</a></h2><p>{{ card.place }}</p>
  <svg viewBox="0 0 64 64" role="img" aria-label="Match {{ card.score }} of 100">
    {% for arc in card.arcs %}<path class="ring__arc" d="{{ arc.path }}" stroke-dasharray="{{ arc.dash }} 200"/>{% endfor %}
    <text>{{ card.score }}</text></svg><p>{{ card.headline }}</p></header>
  <ul>{% for reason in card.reasons %}<li><svg class="icon"><use href="/icons.svg#check"/></svg> <span>{{ reason }}</span></li>{% endfor %}</ul>
  <p>{{ card.bio }}</p>
  <dl>{% for label, value in card.facts %}<div><dt>{{ label }}</dt><dd>{{ value }}</dd></div>{% endfor %}</dl>
  <ul>{% for platform in card.platforms %}<li><svg class="icon"><use href="/icons.svg#{{ platform }}"/></svg> {{ platform }}</li>{% endfor %}</ul>
  <footer><p>Profile {{ card.completion }} % filled</p><a href="/profiles/{{ card.id }}">View profile</a></footer>
</article>
"""

SAMPLE = {
    "id": 42, "version": 17, "avatar": "/avatars/a.webp", "name": "Ana Ruiz", "place": "Lisbon, Portugal", "score": 91,
    "arcs": [{"path": "M 30 58.93 A 27 27 0 0 1 30 5.07", "dash": 88.2}] * 4,
    "headline": "Food and travel films", "reasons": ["Both about food and travel", "€450 fits the budget", "Both on Instagram", "Lisbon and Copenhagen"],
    "bio": "I film the people who feed a city. " * 20, "facts": [("Followers", "48.2k"), ("Engagement", "6.9 %"), ("Rate", "€450")],
    "platforms": ["instagram", "tiktok", "youtube"], "completion": 95,
}


TEMPLATE = app.jinja_env.from_string(CARD)


@app.get("/card")
def card() -> str:
    return TEMPLATE.render(card=SAMPLE)
