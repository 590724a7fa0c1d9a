"""What the demo community says to each other. Tables only; ``seed_together.py`` deals them out. ``{topic}``, ``{city}`` and the two names are filled in."""

from typing import NamedTuple


class Asked(NamedTuple):
    """The words of a request."""

    what: str
    timing: str
    deliverables: str


FROM_BRANDS = (
    Asked("We would love to see our new range in your {topic} posts: honest, unscripted, the way you do it anyway.", "Any two weeks this autumn", "One video, three stories"),
    Asked("A small series about how our things are made. You come to {city}, we show you everything and you decide what is worth telling.", "A long weekend in spring", "Three episodes of five minutes"),
    Asked("We are opening a second place and look for somebody who can make it feel like home before it is one.", "Opening week", "A reel on the day, a longer piece afterwards"),
    Asked("Your audience asks the questions our customers ask. Would you answer them with us, live?", "An evening that suits you", "One hour live, one recap"),
    Asked("Please try what we make for a month and say what you think, also what you would change.", "Four weeks, start when you like", "A review and two short updates"),
    Asked("A seasonal campaign around {topic}, with five creators in five cities. You would be ours for {city}.", "First half of December", "Two posts and a story a week"),
    Asked("We want photographs we can use for a year, made by somebody who lives with the subject.", "Within the next two months", "Twenty edited pictures, usage for a year"),
    Asked("A giveaway for your regulars, as a thank-you rather than an advert.", "Next month", "One post, and picking the winners"),
    Asked("We would like to sponsor three issues of your newsletter. You write, we only check the facts.", "Three issues in a row", "One section an issue"),
    Asked("A talk at our team day about {topic}, for forty people who make things with their hands.", "A Friday in the next quarter", "Forty minutes and questions"),
)

FROM_CREATORS = (
    Asked("I have used what you make for two years and would like to show why, in a series about {topic}.", "From next month on", "Four short videos"),
    Asked("I am planning a trip to {city} and would love to tell the story of your people on the way.", "Second half of next month", "One long video, daily stories"),
    Asked("My readers keep asking what I would buy again. You are on that list; let us make something proper of it.", "Flexible", "A long post with pictures"),
    Asked("An idea for {topic}: one object, seven days, seven uses. It would suit you very well.", "One week, whenever it fits your calendar", "Seven shorts"),
    Asked("I run a small meet-up every season. Would you like to host the next one?", "Early next season", "An evening, a recap, pictures"),
    Asked("I would like to test your newest thing where it is hard: outside, in the rain, with children.", "As soon as the weather is bad enough", "An honest review"),
)

# Who speaks: b the brand, c the creator; the first line is that of the one who was asked.
TALKS = (
    ("c:Hello {brand}, thank you for writing. This sounds like something my people would actually enjoy.", "b:That is what we hoped. Shall we find a date first, or talk about the idea?",
     "c:The idea first. What would you not want to see in it?", "b:Superlatives. And nothing that looks like an advert from 2015.", "c:Then we will get along.",
     "b:Could you send a rough outline by the end of the week?", "c:You have it on Thursday.", "b:Perfect. The parcel leaves us today, by the way."),
    ("b:Hi {creator}, we read your proposal twice. Yes.", "c:That was quick. Which part convinced you?", "b:That you want to show it being repaired. Nobody does that.",
     "c:I break things a lot, so I have practice.", "b:Is the end of the month too early?", "c:No, that works. I need the small tools a week before."),
    ("c:Thanks for accepting. I have one question about the rights before we begin.", "b:Ask away.", "c:A year on your own channels is fine. Paid adverts would be extra.",
     "b:Agreed: a year, own channels, no paid use. I put it in the brief.", "c:Wonderful, then I start on Monday.", "b:We look forward to it. Shout if anything is missing.",
     "c:First pictures: the light was kind today. I send six to choose from tonight.", "b:Number two and five, please. Number three goes on our office wall."),
    ("b:Good morning. Is the fourteenth still good for you?", "c:It is. I arrive in {city} the evening before.", "b:Then dinner is on us. Anything you do not eat?",
     "c:I eat everything that was not alive this morning.", "b:Noted. See you at the station at seven."),
    ("c:Small update: the video is cut, sound comes tomorrow.", "b:We are curious. How long did it become?", "c:Six minutes. I tried five and it lost its best joke.", "b:Keep the joke.",
     "c:https://example.com/preview/duet-cut-2 is the preview, please do not share it yet.", "b:Watched it three times. One wish: our name is pronounced with a soft o at the end.",
     "c:Oh no. I fix that tonight.", "b:Nobody ever gets it right. That is why we love the joke."),
    ("b:The numbers are in: the best week our shop ever had in {city}.", "c:That makes me very happy. My comments are full of photographs of your boxes.",
     "b:Would you do the winter edition with us as well?", "c:With pleasure. Let me look at my calendar and come back to you by Wednesday."),
    ("c:Hello, a baker in {city} told me that you are good people to work with.", "b:We owe that baker a loaf. What do you have in mind?", "c:Something about {topic} that takes its time. Ten minutes, one person, one place."),
    ("b:Thank you for the honest review. The part about the lid hurt, and it is true.", "c:I was nervous to send it, so thank you for taking it like this.",
     "b:The new lid ships in March. May we send you the first one?", "c:Please do. I will film the same test again, same tap, same sweater."),
)

ANA_AND_BO = (
    "b:Ana, hello. Your film about the bakers of Lisbon made our whole roastery hungry.", "c:Thank you. They still ask me when the next one comes.", "b:That is why we write. What if the next one is about coffee?",
    "c:Only if I may show the part that is not pretty.", "b:The part that is not pretty is our favourite. It begins at four in the morning.", "c:Then I need coffee before I film coffee.",
    "b:We can arrange that. Two days in Copenhagen in May, and you see everything: green beans, the old roaster, the tasting table where we argue.",
    "c:Who argues best?", "b:Ingrid. She is always right, which makes it worse.", "c:I want Ingrid in the first minute.", "b:We asked her. She says no, which means yes.",
    "c:Good. My plan: one long film of eight minutes and three shorts cut from it. Rights for a year on your channels.", "b:That is what the brief says and what we can pay. Agreed.",
    "c:I booked the train, I do not fly inside Europe any more.", "b:We like that more than you know. Send us the ticket, it is on us.", "c:https://example.com/tickets/lisbon-copenhagen is the connection, 41 hours with a night in Paris.",
    "b:You are a hero. There will be cinnamon buns.", "c:Now I am really coming.",
)  # fmt: skip
